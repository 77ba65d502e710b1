/**
 * Whether a host, as `URL.hostname` writes it, is this machine: `127.0.0.1`, `[::1]`, `localhost` or a name
 * below it (RFC 6761 §6.3).
 */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === '127.0.0.1' || hostname === '[::1]' || /^(?:[a-z0-9_-]+\.)*localhost$/.test(hostname)
}

/** Whether an address, as a resolver or a socket writes it, is one of this machine. */
export const isLoopbackAddress = (address: string): boolean => address === '::1' || address.startsWith('127.')

/** Whether a web page that a browser loaded from this machine sends this `Origin`. */
export function isLoopbackOrigin(origin: string): boolean {
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && isLoopbackHost(url.hostname)
}

/** https, or http on this machine (MCP, Communication Security). */
export function isSecureOrLoopback(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))
}
