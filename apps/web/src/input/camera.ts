import { RoomfulError } from 'roomful'

const CAMERA_TIMEOUT_MS = 30_000

export interface Camera {
  readonly video: HTMLVideoElement
  stop(): void
}

/**
 * The back camera where there is one. The wait for the person's permission ends after 30 s.
 * @throws RoomfulError `unavailable`, with what to do next
 */
export async function openCamera(signal: AbortSignal): Promise<Camera> {
  // Absent on insecure pages whatever the type says.
  const devices: MediaDevices | undefined = navigator.mediaDevices
  if (devices === undefined) {
    throw new RoomfulError('unavailable', 'The camera needs HTTPS. Open the https link, or choose a file.')
  }
  let stream: MediaStream
  try {
    stream = await inTime(devices.getUserMedia({ video: { facingMode: 'environment', width: 640, height: 480 } }))
  } catch (cause) {
    throw new RoomfulError('unavailable', cameraTrouble(cause), { cause })
  }
  const stop = () => {
    for (const track of stream.getTracks()) track.stop()
  }
  const video = document.createElement('video')
  video.muted = true
  video.playsInline = true
  video.srcObject = stream
  try {
    signal.throwIfAborted()
    await inTime(video.play())
  } catch (error) {
    stop()
    throw error
  }
  return { video, stop }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer')), CAMERA_TIMEOUT_MS)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function cameraTrouble(cause: unknown): string {
  const name = cause instanceof Error ? cause.name : ''
  if (name === 'NotAllowedError') return 'The camera was not allowed. Allow it in the address bar, or choose a file.'
  if (name === 'NotFoundError') return 'There is no camera here. Choose a file or try the test pattern.'
  return 'The camera did not start. Choose a file or try the test pattern.'
}
