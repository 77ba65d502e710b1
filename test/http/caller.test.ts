import { expect, test } from 'vitest'
import { callerOf, createCallers, normalAddress } from '../../src/http/caller.ts'
import { resolveRuntime } from '../../src/lib/runtime.ts'
import type { TollgateEvent } from '../../src/types.ts'

test.each([
  ['192.0.2.1', '192.0.2.1'],
  [' 192.0.2.1 ', '192.0.2.1'],
  ['192.0.2.1:4711', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:201', '192.0.2.1'],
  ['[::ffff:192.0.2.1]:80', '192.0.2.1'],
  ['64:ff9b::c000:201', '192.0.2.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['2001:db8::1', '2001:db8::1'],
  ['[2001:DB8::1]', '2001:db8::1'],
  ['[2001:db8::1]:65535', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
])('T12 the address in %s is %s', (text, address) => {
  expect(normalAddress(text)).toBe(address)
})

test.each([
  '',
  'unknown',
  '_hidden',
  '192.0.2',
  '192.0.2.256',
  '192.0.2.1:',
  '192.0.2.1:x',
  '::1::',
  '[::1',
  'a.test',
])('T12 %j is not an address', (text) => {
  expect(callerOf(text)).toBeUndefined()
})

test('S15 one caller: an IPv4 address, a /64 of IPv6 for attempts, a /56 for quotas', () => {
  const one = callerOf('2001:db8:1:2a00::1')!
  expect(callerOf('[2001:db8:1:2a00:ffff:ffff:ffff:ffff]:443')).toEqual(one)
  const sibling = callerOf('2001:db8:1:2aff::1')!
  expect([sibling.network === one.network, sibling.site]).toEqual([false, one.site])
  expect(callerOf('2001:db8:1:2b00::1')!.site).not.toBe(one.site)
  expect(callerOf('192.0.2.1:80')).toEqual(callerOf('::ffff:192.0.2.1'))
  expect(callerOf('192.0.2.2')!.network).not.toBe(callerOf('192.0.2.1')!.network)
})

test('T12 an unreadable address is one caller with all others, and an event once a minute', () => {
  let now = 100
  let address: string | undefined = 'one'
  const events: TollgateEvent[] = []
  const runtime = resolveRuntime({
    clock: () => now,
    clientAddress: () => address,
    onEvent: (event) => void events.push(event),
  })
  const find = createCallers(runtime)
  const request = new Request('https://a.test')
  const first = find(request)
  address = 'two\n'
  expect(find(request)).toEqual(first)
  expect(events).toMatchObject([{ type: 'address.unreadable', received: 'one' }])
  now += 60
  find(request)
  expect(events.at(-1)!.received).toBe('two ')
  address = undefined
  expect(find(request)).toBeUndefined()
  expect(events).toHaveLength(2)
})
