/** A name a person recognises, from what the browser says of itself: "Android phone", "Mac", "Windows PC". */
export function defaultDeviceName(userAgent: string): string {
  const device = /iPhone/.test(userAgent)
    ? 'iPhone'
    : /iPad/.test(userAgent)
      ? 'iPad'
      : /Android/.test(userAgent)
        ? /Mobile/.test(userAgent)
          ? 'Android phone'
          : 'Android tablet'
        : /Macintosh/.test(userAgent)
          ? 'Mac'
          : /Windows/.test(userAgent)
            ? 'Windows PC'
            : /CrOS/.test(userAgent)
              ? 'Chromebook'
              : 'Linux PC'
  const browser = /Firefox/.test(userAgent) ? 'Firefox' : /Chrom/.test(userAgent) ? 'Chrome' : 'Safari'
  return `${device}, ${browser}`
}
