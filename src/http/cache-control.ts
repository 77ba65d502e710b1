/** For responses that carry a token, a code or an error about one (OAuth 2.1 §3.2.3). */
export const noStore: Readonly<Record<string, string>> = { 'cache-control': 'no-store' }

/** Any cache may keep the response for so many seconds. */
export const publicFor = (seconds: number): Readonly<Record<string, string>> => ({
  'cache-control': `public, max-age=${seconds}`,
})

/**
 * `Cache-Control` of an authorized answer, which no shared cache may keep (RFC 9111 §3.5). Undefined if the
 * handler's own value says who may keep it.
 */
export function privately(control: string | null): string | undefined {
  if (control === null) return 'no-store'
  return /\b(?:no-store|private|public)\b/i.test(control) ? undefined : `${control}, private`
}

/** How long an answer that was fetched may be kept. */
export interface Freshness {
  /** Whether the answer may be kept at all. */
  readonly stored: boolean
  /** Whether it must be revalidated each time: `no-cache`. */
  readonly revalidated: boolean
  /**
   * Seconds, less the time that the answer spent in a cache on the way (`Age`). Undefined if none are
   * stated.
   */
  readonly seconds: number | undefined
}

/**
 * Reads `Cache-Control` (RFC 9111 §5.2.2). `private` and `s-maxage` concern only a cache that is shared by
 * several users.
 */
export function readFreshness(headers: Headers, { shared = false }: { shared?: boolean } = {}): Freshness {
  const directives = new Map(
    (headers.get('cache-control') ?? '').split(',').map((directive) => {
      const [name = '', value = ''] = directive.trim().toLowerCase().split('=', 2)
      return [name, value.replaceAll('"', '')]
    }),
  )
  const given = (shared ? directives.get('s-maxage') : undefined) ?? directives.get('max-age') ?? ''
  const age = Number(headers.get('age') ?? 0)
  return {
    stored: !directives.has('no-store') && !(shared && directives.has('private')),
    revalidated: directives.has('no-cache'),
    seconds: /^\d+$/.test(given) ? Math.max(0, Number(given) - (age > 0 ? age : 0)) : undefined,
  }
}
