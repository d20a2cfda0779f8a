/** Milliseconds with as many digits as a person can use: 0.42, 4.2, 48. */
export function ms(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`
  if (value >= 10) return `${Math.round(value)} ms`
  return `${value.toFixed(value >= 1 ? 1 : 2)} ms`
}

/** Bytes in decimal units: 820 B, 14 KB, 2.3 MB. */
export function bytes(value: number): string {
  if (value < 1000) return `${Math.round(value)} B`
  if (value < 1_000_000) return `${Math.round(value / 1000)} KB`
  return `${(value / 1_000_000).toFixed(value < 10_000_000 ? 1 : 0)} MB`
}

/** Multiply-accumulates: 38 M, 1.2 G. */
export function macs(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} G`
  if (value >= 1e6) return `${Math.round(value / 1e6)} M`
  return `${Math.round(value / 1e3)} k`
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

export function mbit(value: number): string {
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} Mbit/s`
}
