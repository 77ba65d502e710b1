import { noStore } from '../../http/cache-control.ts'

/**
 * Headers of every page and redirect. Clickjacking: no site may frame a page (`frame-ancestors`,
 * `X-Frame-Options`). No `form-action`, because Chromium applies it to every later redirect, the client's own
 * included. `Referrer-Policy: same-origin`, because with `no-referrer` browsers send `Origin: null` on the
 * honest form.
 */
export function securityHeaders(policy: string): Record<string, string> {
  const csp = [policy, "base-uri 'none'", "frame-ancestors 'none'"].filter((part) => part !== '').join('; ')
  return {
    'content-security-policy': csp,
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    ...noStore,
  }
}
