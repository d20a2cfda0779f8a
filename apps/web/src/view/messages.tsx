import { useEffect, useState } from 'preact/hooks'
import type { RoomSnapshot } from 'roomful'

/** News is gone after this long; warnings and errors stay until they are dismissed or three newer ones came. */
const NEWS_MS = 12_000

/** The last things worth a sentence; each can be dismissed. Errors interrupt a screen reader, the rest waits. */
export function Messages({ snapshot }: { snapshot: RoomSnapshot }) {
  const [dismissed, setDismissed] = useState<ReadonlySet<number>>(new Set())
  const dismiss = (id: number) => setDismissed((before) => new Set([...before, id]))
  const shown = snapshot.messages.slice(-3).filter((message) => !dismissed.has(message.id))
  const news = shown.find((message) => message.kind === 'info')?.id
  useEffect(() => {
    if (news === undefined) return
    const timer = setTimeout(() => dismiss(news), NEWS_MS)
    return () => clearTimeout(timer)
  }, [news])
  return (
    <div class="messages" aria-live="polite">
      {shown.map((message) => (
        <div
          key={message.id}
          class={`message ${message.kind}`}
          {...(message.kind === 'error' ? { role: 'alert' } : {})}
        >
          <span>{message.text}</span>
          <button type="button" aria-label="Dismiss this message" onClick={() => dismiss(message.id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  )
}
