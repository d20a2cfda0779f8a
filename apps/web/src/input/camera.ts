import { RoomfulError } from 'roomful'

const CAMERA_TIMEOUT_MS = 30_000

export interface Camera {
  readonly video: HTMLVideoElement
  /** False once the camera was unplugged or its permission withdrawn. */
  live(): boolean
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
    const asked = devices.getUserMedia({ video: { facingMode: 'environment', width: 640, height: 480 } })
    stream = await inTime(asked, stopTracks)
  } catch (cause) {
    throw new RoomfulError('unavailable', cameraTrouble(cause), { cause })
  }
  const stop = () => stopTracks(stream)
  const video = document.createElement('video')
  video.muted = true
  video.playsInline = true
  video.srcObject = stream
  try {
    signal.throwIfAborted()
    await inTime(video.play(), stop)
  } catch (error) {
    stop()
    throw error
  }
  const live = () => stream.getVideoTracks().some((track) => track.readyState === 'live')
  return { video, live, stop }
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop()
}

/** `late`: what to do with an outcome that comes after nobody waits for it any more. */
function inTime<T>(work: Promise<T>, late: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let waiting = true
    const timer = setTimeout(() => {
      waiting = false
      reject(new Error('no answer'))
    }, CAMERA_TIMEOUT_MS)
    work.then(
      (value) => {
        clearTimeout(timer)
        if (waiting) resolve(value)
        else late(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

function cameraTrouble(cause: unknown): string {
  const name = cause instanceof Error ? cause.name : ''
  if (name === 'NotAllowedError') return 'The camera was not allowed. Allow it in the address bar, or choose a file.'
  if (name === 'NotFoundError') return 'There is no camera here. Choose a file or try the test pattern.'
  return 'The camera did not start. Choose a file or try the test pattern.'
}
