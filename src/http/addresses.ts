import { isLoopbackAddress, isLoopbackHost } from '../protocol/loopback.ts'

/**
 * Why this host must not be reached from a server (RFC 6890 special-use addresses, and names that lead
 * there), or undefined. `hostname` as `URL.hostname` writes it: the URL parser has already folded octal,
 * hexadecimal and short forms of IPv4.
 */
export function addressProblem(hostname: string): string | undefined {
  const host = hostname.replace(/\.$/, '').toLowerCase()
  if (host.startsWith('['))
    return specialIpv6(host.slice(1, -1)) ? 'is a special-use IPv6 address' : undefined
  const ipv4 = parseIpv4(host)
  if (ipv4 !== undefined) return specialIpv4(ipv4) ? 'is a special-use IPv4 address' : undefined
  const labels = host.split('.')
  if (labels.length < 2 || labels.includes('')) return 'is not a public name'
  const top = labels.at(-1)!
  // Every public suffix ends in letters, or in letters of another script as RFC 5890 writes them.
  if (!/^(?:[a-z]{2,63}|xn--[a-z0-9-]+)$/.test(top)) return 'is not a public name'
  return specialNames.has(top) ? 'is a special-use name' : undefined
}

/**
 * RFC 6761, RFC 6762, RFC 8375, RFC 9476, what cloud platforms and clusters use inside, and what ICANN does
 * not delegate.
 */
const specialNames = new Set(
  (
    'localhost local internal arpa alt onion invalid lan intra intranet private corp home lab dmz domain ' +
    'localdomain workgroup svc cluster default consul nomad docker kube mesh'
  ).split(' '),
)

/**
 * Whether an address as a resolver or a socket writes it is special-use: for hosts that check what they
 * connect to.
 */
export function isSpecialAddress(address: string): boolean {
  const ipv4 = parseIpv4(address)
  return ipv4 === undefined ? specialIpv6(address.split('%', 1)[0]!.toLowerCase()) : specialIpv4(ipv4)
}

/**
 * Whether a connection for this host may go to this address: a loopback name only to this machine, any
 * other only to a public address. Against SSRF and DNS rebinding, for hosts that resolve names themselves.
 */
export const mayConnect = (hostname: string, address: string): boolean =>
  isLoopbackHost(hostname) ? isLoopbackAddress(address) : !isSpecialAddress(address)

export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (match === null) return undefined
  const parts = match.slice(1).map(Number)
  return parts.some((part) => part > 255) ? undefined : parts.reduce((sum, part) => sum * 256 + part, 0)
}

/**
 * First address and prefix length of the IANA special-purpose registry, with multicast and reserved space.
 */
const ipv4Ranges = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const

const specialIpv4 = (address: number): boolean =>
  ipv4Ranges.some(([text, length]) => {
    const first = parseIpv4(text)!
    return address >= first && address < first + 2 ** (32 - length)
  })

/** Only global unicast (2000::/3) is public, less what is special or carries an IPv4 address inside. */
function specialIpv6(text: string): boolean {
  const groups = parseIpv6(text)
  if (groups === undefined) return true
  const [a, b, c] = groups as [number, number, number]
  if (a >> 13 !== 1) return true
  if (a === 0x2002) return true // 6to4
  if (a === 0x2001 && (b < 0x200 || b === 0xdb8)) return true // Teredo, ORCHID, benchmarking; documentation
  if (a === 0x3fff && b < 0x1000) return true // documentation
  if (a === 0x2620 && b === 0x4f && c === 0x8000) return true // AS112
  return (groups[4] === 0 || groups[4] === 0x200) && groups[5] === 0x5efe // ISATAP (RFC 5214 §6.1)
}

export function parseIpv6(text: string): number[] | undefined {
  let address = text
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted !== null) {
    const ipv4 = parseIpv4(dotted[2]!)
    if (ipv4 === undefined) return undefined
    address = `${dotted[1]}${(ipv4 >>> 16).toString(16)}:${(ipv4 & 0xffff).toString(16)}`
  }
  const halves = address.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [
    string[],
    string[] | undefined,
  ]
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const all = [
    ...head,
    ...Array.from({ length: tail === undefined ? 0 : missing }, () => '0'),
    ...(tail ?? []),
  ]
  return all.every((group) => /^[0-9a-f]{1,4}$/.test(group))
    ? all.map((group) => Number.parseInt(group, 16))
    : undefined
}
