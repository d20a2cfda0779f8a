import { useEffect, useRef, useState } from 'preact/hooks'
import type { RoomSnapshot } from 'roomful'
import type { Source } from '../input/source.ts'
import { ms, percent } from './format.ts'

/** The picture, the answer in large type, and how long it took beside what this device alone would need. */
export function PicturePanel({ snapshot, source }: { snapshot: RoomSnapshot; source: Source }) {
  const picker = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const mode = source.mode.value
  const ready = snapshot.modelState === 'ready'
  const asks = snapshot.role === 'worker'

  useEffect(() => {
    if (!asks) return
    const onPaste = (event: ClipboardEvent) => {
      const file = event.clipboardData?.files[0]
      if (file !== undefined) void source.open(file)
    }
    addEventListener('paste', onPaste)
    return () => removeEventListener('paste', onPaste)
  }, [source, asks])

  const onDrop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    if (!asks) return
    const file = event.dataTransfer?.files[0]
    if (file !== undefined) void source.open(file)
  }

  return (
    <section
      class={`picture ${over ? 'over' : ''}`}
      aria-label="Picture"
      onDragOver={(event) => {
        event.preventDefault()
        setOver(asks)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <div class="stage">
        <canvas
          ref={(canvas) => {
            source.canvas = canvas
          }}
          width={320}
          height={320}
          hidden={mode === 'nothing'}
          role="img"
          aria-label={mode === 'pattern' ? 'moving test pattern' : 'the picture that was sent'}
        />
        {mode === 'nothing' && (
          <p class="hint">
            {asks
              ? 'Drop, paste or choose a picture — or an ONNX model.'
              : 'Observing: pictures stay on the devices that ask; what the room answers appears here.'}
          </p>
        )}
      </div>
      <Answer snapshot={snapshot} waits={asks && mode === 'nothing'} streams={!asks || mode !== 'picture'} />
      {source.error.value !== '' && (
        <p class="trouble" role="alert">
          {source.error.value}
        </p>
      )}
      <div class="row controls" hidden={!asks}>
        <button type="button" class="primary" disabled={!ready} onClick={() => void source.startCamera()}>
          Camera
        </button>
        <button type="button" onClick={() => picker.current?.click()}>
          File
        </button>
        <button type="button" disabled={!ready} onClick={() => void source.startPattern()}>
          Test pattern
        </button>
        {(mode === 'camera' || mode === 'pattern') && (
          <button type="button" onClick={() => source.stop()}>
            Stop
          </button>
        )}
        {mode === 'picture' && (
          <button type="button" disabled={!ready || source.busy.value} onClick={() => void source.again()}>
            Again
          </button>
        )}
        <input
          ref={picker}
          type="file"
          accept="image/*,.onnx"
          hidden
          aria-label="Choose a picture or an ONNX model"
          data-testid="file"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0]
            event.currentTarget.value = ''
            if (file !== undefined) void source.open(file)
          }}
        />
      </div>
    </section>
  )
}

/** `waits`: nothing has been asked here. `streams`: answers follow fast, and a screen reader is not told of each. */
function Answer({ snapshot, waits, streams }: { snapshot: RoomSnapshot; waits: boolean; streams: boolean }) {
  const last = snapshot.requests.at(-1)
  if (last === undefined || waits) {
    return <p class="answer empty">{snapshot.modelState === 'ready' ? 'Ready.' : 'Getting ready…'}</p>
  }
  return (
    <div class="answer" aria-live={streams ? 'off' : 'polite'}>
      <p class="label" data-testid="label">
        {last.answer?.label ?? 'Test pattern: no label claimed'}
        {last.answer !== undefined && <span class="confidence"> {percent(last.answer.confidence)}</span>}
      </p>
      <p class="line" data-testid="latency-line">
        {latencyLine(snapshot)}
      </p>
    </div>
  )
}

/**
 * "room 48 ms, left at exit 2; whole network on this device alone 160 ms". The last figure appears once it has been measured;
 * it knows no exits, and says so.
 */
export function latencyLine(snapshot: RoomSnapshot): string {
  const last = snapshot.requests.at(-1)
  if (last === undefined) return ''
  const { trace } = last
  const parts = [`room ${ms(trace.totalMs)}`]
  if (trace.source === 'own-cache') parts.push('seen before on this device')
  else if (trace.source === 'room-cache') parts.push('seen before in this room')
  else parts.push(trace.exit === 'final' ? 'went through to the end' : `left at ${trace.exit.replace(/(\d+)/, ' $1')}`)
  if (trace.recovered !== undefined) parts.push(trace.recovered)
  const { aloneMs } = snapshot.stats
  return `${parts.join(', ')}${aloneMs === undefined ? '' : `; whole network on this device alone ${ms(aloneMs)}`}`
}
