import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mayConnect, addressProblem, isSpecialAddress } from '../../src/http/addresses.ts'

const hostOf = (authority: string): string => new URL(`https://${authority}/`).hostname

const special = [
  '127.0.0.1',
  '127.255.255.254',
  '2130706433',
  '0x7f.1',
  '0177.1',
  '127.1',
  '0x7f000001',
  '017700000001',
  '127.0.0.1.',
  '10.0.0.1',
  '10.255.255.255',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '2852039166',
  '100.64.0.1',
  '100.127.255.255',
  '0.0.0.0',
  '0',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[::127.0.0.1]',
  '[::ffff:127.0.0.1]',
  '[::7f00:1]',
  '[::ffff:7f00:1]',
  '[::ffff:8.8.8.8]',
  '[fe80::1]',
  '[fec0::1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[ff02::1]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b::8.8.8.8]',
  '[64:ff9b:1::a9fe:a9fe]',
  '[100::1]',
  '[2001::1]',
  '[2001:2::1]',
  '[2001:db8::1]',
  '[2002:a9fe:a9fe::1]',
  '[3fff::1]',
  '[5f00::1]',
  '[::5efe:192.168.1.1]',
  '[2a00:1450::5efe:192.168.1.1]',
  '[2a00:1450::200:5efe:c0a8:101]',
]
const names = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'localhost..',
  'x.localhost',
  'x.y.localhost.',
  'metadata.google.internal',
  'x.internal',
  'printer.local',
  'router.lan',
  'a.home.arpa',
  'hidden.onion',
  'kubernetes',
  'a..com',
  // S24: names inside a cluster or a network, and what cannot be a public suffix.
  'kubernetes.default.svc',
  'kubernetes.default',
  'mcp.kube-system',
  'mcp.prod.svc.cluster',
  'vault.service.consul',
  'db.docker',
  'host.localdomain',
  'printer.intra',
  'x.invalid',
  '1.0.0.10.in-addr.arpa',
  'host.a1',
  'host.x',
]
const open = [
  'app.test',
  'c.test',
  'example.com',
  '8.8.8.8',
  '1.1.1.1',
  '172.15.0.1',
  '172.32.0.1',
  '100.128.0.1',
  '[2606:4700::1111]',
  '[2a00:1450:4001::200e]',
  'internal.example.com',
  'notlocalhost.com',
  'xn--bcher-kva.test',
  'xn--80ak6aa92e.xn--p1ai',
  'svc.example.com',
  'kubernetes.io',
  'cluster.dev',
]

describe('CD2 S24 RFC 6890 special-use addresses and names', () => {
  test.each(special)('%s', (authority) =>
    expect(addressProblem(hostOf(authority))).toMatch(/^is a special-use/),
  )
  test.each(names)('%s', (name) => expect(addressProblem(hostOf(name))).toBeTypeOf('string'))
  test.each(open)('%s is public', (name) => expect(addressProblem(hostOf(name))).toBeUndefined())

  test('CD3 addresses as a resolver writes them', () => {
    for (const address of [
      '127.0.0.1',
      '10.1.2.3',
      '::1',
      '::ffff:10.0.0.1',
      'fe80::1%eth0',
      'FD00::1',
      '',
      'x',
      '1.2.3',
      '::1::',
      '1.2.3.4.5',
    ])
      expect(isSpecialAddress(address), address).toBe(true)
    for (const address of ['8.8.8.8', '2606:4700:4700::1111', '2A00:1450:4001:81B::200E'])
      expect(isSpecialAddress(address), address).toBe(false)
  })

  test('an IPv4 address is judged alike in every spelling', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (number) => {
        const bytes = [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff)
        const dotted = bytes.join('.')
        const spellings = [
          String(number),
          `0x${number.toString(16)}`,
          bytes.map((byte) => `0${byte.toString(8)}`).join('.'),
          `${bytes[0]}.${number % 2 ** 24}`,
        ]
        for (const spelling of spellings)
          expect(addressProblem(hostOf(spelling)), spelling).toBe(addressProblem(dotted))
        expect(isSpecialAddress(dotted)).toBe(addressProblem(dotted) !== undefined)
        expect(isSpecialAddress(`::ffff:${dotted}`)).toBe(true)
        expect(addressProblem(hostOf(`[64:ff9b::${dotted}]`))).toBeTypeOf('string')
      }),
    )
  })
})

test('SSRF: a loopback name leads only to this machine, any other name only to a public address', () => {
  for (const name of ['localhost', 'app.localhost', '127.0.0.1', '[::1]']) {
    expect(mayConnect(name, '127.0.0.1'), name).toBe(true)
    expect(mayConnect(name, '127.8.8.8'), name).toBe(true)
    expect(mayConnect(name, '::1'), name).toBe(true)
    expect(mayConnect(name, '93.184.216.34'), name).toBe(false)
    expect(mayConnect(name, '10.0.0.1'), name).toBe(false)
  }
  for (const address of ['127.0.0.1', '::1', '10.0.0.1', 'fe80::1%eth0', '169.254.169.254'])
    expect(mayConnect('mcp.example.com', address), address).toBe(false)
  expect(mayConnect('mcp.example.com', '93.184.216.34')).toBe(true)
})
