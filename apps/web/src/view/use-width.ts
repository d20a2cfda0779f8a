import { useLayoutEffect, useState } from 'preact/hooks'

const FALLBACK = 640

/** The element's width in CSS pixels, so that text inside a drawing keeps its size on a phone. */
export function useWidth(element: { readonly current: Element | null }): number {
  const [width, setWidth] = useState(FALLBACK)
  useLayoutEffect(() => {
    const target = element.current
    if (target === null) return
    const measure = () => setWidth(Math.max(200, Math.round(target.getBoundingClientRect().width)))
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(target)
    return () => observer.disconnect()
  }, [element])
  return width
}
