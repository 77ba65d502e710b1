import { guardedFetch } from '../http/guarded-fetch.ts'
import { parseObject } from '../lib/json.ts'
import { isLoopbackHost } from '../protocol/loopback.ts'
import type { Deployment } from '../types.ts'

export type Document = Readonly<Record<string, unknown>>

/**
 * A JSON document; a number: another status than 200, or 0 without an answer; undefined: 200 and not a JSON
 * object.
 */
export type Read = (url: string) => Promise<Document | number | undefined>

/**
 * Reads documents for a check of this URL, and notes by how many seconds the clock of each origin is ahead.
 */
export function createReader(
  own: string,
  { fetch, clock, dangerouslyAllowHttp }: Deployment,
  skews: Map<string, number>,
): Read {
  const { origin, hostname } = new URL(own)
  const allowOrigins = [origin, ...dangerouslyAllowHttp]
  const options = { fetch, allowOrigins, allowLoopback: isLoopbackHost(hostname), maxBytes: 262_144 }
  return async (url) => {
    try {
      const { status, text, headers } = await guardedFetch(url, options)
      const date = Date.parse(headers.get('date') ?? '') / 1000
      if (Number.isFinite(date)) skews.set(new URL(url).origin, Math.round(date - clock()))
      return status === 200 ? parseObject(text) : status
    } catch {
      return 0
    }
  }
}
