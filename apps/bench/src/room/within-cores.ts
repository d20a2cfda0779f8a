/** A device's name and the share that it takes while it is at work. */
export interface CoreShare {
  readonly name: string
  readonly cores: number
}

/**
 * Does the work of every device once, as many at a time as their shares fit into `cores`, in their order: the next one begins when enough
 * others have ended. One that has more is alone.
 */
export async function withinCores(
  devices: readonly CoreShare[],
  cores: number,
  work: (name: string) => Promise<unknown>,
): Promise<void> {
  const running = new Map<string, { readonly cores: number; readonly ended: Promise<string> }>()
  const taken = () => [...running.values()].reduce((sum, one) => sum + one.cores, 0)
  const freed = async () => {
    running.delete(await Promise.race([...running.values()].map(({ ended }) => ended)))
  }
  for (const { name, cores: own } of devices) {
    // Sums of shares such as 0.1 are a little off.
    while (running.size > 0 && taken() + own > cores + 1e-9) await freed()
    const ended = work(name).then(() => name)
    // Waited for below; an error that comes before is not lost.
    ended.catch(() => {})
    running.set(name, { cores: own, ended })
  }
  while (running.size > 0) await freed()
}

/** The devices in their order, parted so that the shares of each group fit into `cores`. One that has more is a group of its own. */
export function groupsWithin<T extends CoreShare>(devices: readonly T[], cores: number): T[][] {
  const groups: T[][] = []
  let free = 0
  for (const device of devices) {
    // Sums of shares such as 0.1 are a little off.
    const joins = device.cores <= free + 1e-9
    const last = groups.at(-1)
    if (last !== undefined && joins) last.push(device)
    else groups.push([device])
    free = (joins ? free : cores) - device.cores
  }
  return groups
}
