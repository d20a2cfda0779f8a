import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Randomness as an argument, so that every run can be repeated from its seed. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer in [0, bound). */
  int(bound: number): number
}

/** A repeatable generator (xoroshiro128+); equal seeds give equal sequences on every platform. */
export function seededRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed | 0)
  const next = () => (generator.next() >>> 0) / 0x1_0000_0000
  return { next, int: (bound) => Math.floor(next() * bound) }
}

/** A standard normal sample (Box-Muller). */
export function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

/** The items in a uniformly random order (Fisher-Yates); the argument stays as it is. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.int(i + 1)
    const held = out[i] as T
    out[i] = out[j] as T
    out[j] = held
  }
  return out
}
