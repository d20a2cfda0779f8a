import { useState } from 'preact/hooks'
import type { RoomSnapshot } from 'roomful'

/** The last things worth a sentence; each can be dismissed. Errors interrupt a screen reader, the rest waits. */
export function Messages({ snapshot }: { snapshot: RoomSnapshot }) {
  const [dismissed, setDismissed] = useState<ReadonlySet<number>>(new Set())
  const shown = snapshot.messages.filter((message) => !dismissed.has(message.id)).slice(-3)
  return (
    <div class="messages" aria-live="polite">
      {shown.map((message) => (
        <div key={message.id} class={`message ${message.kind}`} role={message.kind === 'error' ? 'alert' : 'status'}>
          <span>{message.text}</span>
          <button
            type="button"
            aria-label="Dismiss this message"
            onClick={() => setDismissed(new Set([...dismissed, message.id]))}
          >
            ×
          </button>
        </div>
      ))}
    </div>
  )
}
