import type { ResolvedRuntime } from '../lib/runtime.ts'
import { parseIpv4, parseIpv6 } from './addresses.ts'

/** Who a request is counted for: one who has a /64 of IPv6 has 2^64 addresses, and is still one caller. */
export interface Caller {
  /** An IPv4 address, or the /64 of an IPv6 address: for limits on attempts. */
  readonly network: string
  /**
   * An IPv4 address, or the /56 of an IPv6 address, which is what one household gets (RFC 6177): for
   * quotas.
   */
  readonly site: string
}

/**
 * Callers whose address cannot be read are counted together, so that no spelling of an address escapes a
 * limit.
 */
const unknown: Caller = { network: 'unknown', site: 'unknown' }

/**
 * The caller with this address; undefined if the text is not an address. A port, brackets and a zone are no
 * part of it.
 */
export function callerOf(text: string): Caller | undefined {
  const address = normalAddress(text)
  if (address === undefined) return undefined
  if (!address.includes(':')) return { network: address, site: address }
  const groups = parseIpv6(address)!.slice(0, 4)
  const site = [...groups.slice(0, 3), groups[3]! & 0xff00]
  return { network: `${hex(groups)}::/64`, site: `${hex(site)}::/56` }
}

/**
 * The address without port and zone, in one spelling, as proxies write it into `X-Forwarded-For`: with a
 * port (`192.0.2.1:4711`, `[2001:db8::1]:4711`), in brackets, with a zone. IPv4 inside IPv6
 * (`::ffff:192.0.2.1`, `64:ff9b::192.0.2.1`) is IPv4. Undefined if it is not an address.
 */
export function normalAddress(text: string): string | undefined {
  const [, inBrackets] = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text.trim()) ?? []
  const bare = inBrackets ?? text.trim().replace(/^([\d.]+):\d{1,5}$/, '$1')
  const ipv4 = parseIpv4(bare)
  if (ipv4 !== undefined) return dotted(ipv4)
  const groups = parseIpv6(bare.split('%', 1)[0]!.toLowerCase())
  if (groups === undefined) return undefined
  // IPv4-mapped (RFC 4291 §2.5.5.2), and IPv4 behind a translator (RFC 6052 §2.1).
  if (/^(?:0:0:0:0:0:ffff|64:ff9b:0:0:0:0):/.test(hex(groups)))
    return dotted(groups[6]! * 0x10000 + groups[7]!)
  return new URL(`http://[${hex(groups)}]`).hostname.slice(1, -1)
}

/**
 * The address that the nearest proxy wrote: the last one of the list, because whatever stands before it may
 * come from the client.
 */
export function lastAddress(list: string | null | undefined): string | undefined {
  const last = list?.split(',').at(-1)?.trim()
  return last === undefined || last === '' ? undefined : (normalAddress(last) ?? last)
}

/**
 * Who sent a request, as the deployment's `clientAddress` says it; undefined if the deployment does not say
 * it. An address that cannot be read is an event, at most once a minute.
 */
export function createCallers(runtime: ResolvedRuntime): (request: Request) => Caller | undefined {
  let reportAt = 0
  return (request) => {
    const address = runtime.clientAddress(request)
    if (address === undefined) return undefined
    const caller = callerOf(address)
    if (caller !== undefined) return caller
    if (runtime.clock() >= reportAt) {
      reportAt = runtime.clock() + 60
      runtime.event({
        type: 'address.unreadable',
        level: 'warning',
        received: address,
        detail: 'clientAddress is not an IP address; such callers share their limits',
      })
    }
    return unknown
  }
}

const dotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.')

const hex = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(':')
