export const PANELS = ['Split', 'Room', 'Time'] as const
export type PanelName = (typeof PANELS)[number]

/** Where a key leads from a tab; undefined for keys that mean nothing here. */
export function tabAfter(chosen: PanelName, key: string): PanelName | undefined {
  const index = PANELS.indexOf(chosen)
  if (key === 'Home') return PANELS[0]
  if (key === 'End') return PANELS.at(-1)
  const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0
  return step === 0 ? undefined : PANELS[(index + step + PANELS.length) % PANELS.length]
}
