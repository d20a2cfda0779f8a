import { BACKENDS, type BackendSpeed } from '@roomful/core'
import type { Page } from 'playwright'

const BLANK = '/earlier-visit'

/**
 * Leaves in the browser what a visit of the page would have left: the speeds that it then measured. The next visit takes them as they
 * are and measures nothing, until `RoomSession.measure` is called.
 */
export async function leaveSpeeds(page: Page, origin: string, backends: readonly BackendSpeed[]): Promise<void> {
  const url = new URL(BLANK, origin).href
  await page.route(url, (route) => route.fulfill({ contentType: 'text/html', body: '' }))
  await page.goto(url)
  await page.evaluate(
    ([speeds, known]) =>
      new Promise<void>((resolve, reject) => {
        // As packages/roomful keeps it (device/settings.ts, compute/benchmark.ts); what it does not know it measures.
        const madeBy = [navigator.userAgent, navigator.hardwareConcurrency, true, ...known].join(' ')
        const opening = indexedDB.open('roomful-settings')
        opening.onerror = () => reject(opening.error)
        opening.onupgradeneeded = () => opening.result.createObjectStore('settings')
        opening.onsuccess = () => {
          const writing = opening.result.transaction('settings', 'readwrite')
          writing.objectStore('settings').put({ speeds: { madeBy, at: Date.now(), backends: speeds } }, 'settings')
          writing.onerror = () => reject(writing.error)
          writing.oncomplete = () => {
            opening.result.close()
            resolve()
          }
        }
      }),
    [backends, BACKENDS] as const,
  )
  await page.unroute(url)
}
