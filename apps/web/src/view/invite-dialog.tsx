import { useEffect, useRef, useState } from 'preact/hooks'
import { Qr } from './qr.tsx'

/** A modal dialog with the invite as QR and as text. The link holds the room key: whoever has it can join. */
export function InviteDialog({ url, onClose }: { url: string; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [copied, setCopied] = useState('')
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(url)
      setCopied('Copied')
    } catch {
      setCopied('Select the link and copy it')
    }
  }
  return (
    <dialog ref={dialog} class="invite" aria-labelledby="invite-title" onClose={onClose}>
      <h2 id="invite-title">Scan to join this room</h2>
      <Qr text={url} label="QR code of the invite link" />
      <label>
        Invite link
        <input readOnly value={url} onFocus={(event) => event.currentTarget.select()} />
      </label>
      {isLoopback(url) && (
        <p class="trouble">
          This page was opened by an address that only this machine knows. Open it by one of the network addresses that
          npm start prints, and invite from there.
        </p>
      )}
      <p class="hint">Whoever has this link can join. On a self-made certificate the phone asks once: continue.</p>
      <div class="row">
        <button type="button" class="primary" onClick={() => void copy()}>
          Copy link
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
        <span aria-live="polite">{copied}</span>
      </div>
    </dialog>
  )
}

const isLoopback = (url: string) => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
