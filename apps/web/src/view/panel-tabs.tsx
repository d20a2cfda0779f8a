import type { TargetedKeyboardEvent } from 'preact'
import { PANELS, type PanelName, tabAfter } from './panels.ts'

/** The panels of a narrow page as tabs: arrow keys move between them, Tab goes on into the panel (WAI-ARIA practices). */
export function PanelTabs({ chosen, onChoose }: { chosen: PanelName; onChoose: (panel: PanelName) => void }) {
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
    const next = tabAfter(chosen, event.key)
    if (next === undefined) return
    event.preventDefault()
    onChoose(next)
    event.currentTarget.querySelector<HTMLElement>(`#tab-${next}`)?.focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label="Panels" onKeyDown={onKeyDown}>
      {PANELS.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-controls={`panel-${name}`}
          aria-selected={chosen === name}
          tabIndex={chosen === name ? 0 : -1}
          onClick={() => onChoose(name)}
        >
          {name}
        </button>
      ))}
    </div>
  )
}

/** A panel's own attributes: side by side on a wide page, the panels belong to no tab. */
export function panelProps(name: PanelName, narrow: boolean) {
  const id = `panel-${name}`
  return narrow ? { id, role: 'tabpanel' as const, 'aria-labelledby': `tab-${name}` } : { id }
}
