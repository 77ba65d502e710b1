import { expect, test } from 'vitest'
import { base64url, fromBase64url, utf8 } from '../../src/lib/bytes.ts'
import { hmacSha256, sha256, sha256Bytes } from '../../src/lib/hash.ts'
import { randomToken } from '../../src/lib/random.ts'
import { MacSealer } from '../../src/lib/mac-sealer.ts'

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length))

test('FIPS 180-4 the published examples', () => {
  expect(hex(sha256Bytes(utf8('abc')))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
  expect(hex(sha256Bytes(utf8('')))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(hex(sha256Bytes(utf8('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')))).toBe(
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  )
})

test('the platform’s digest says the same, at every length around the blocks', async () => {
  for (let length = 0; length <= 260; length++) {
    const message = random(length)
    const expected = new Uint8Array(await crypto.subtle.digest('SHA-256', message))
    expect(sha256Bytes(message), String(length)).toEqual(expected)
  }
  for (const [each, length] of [
    ['x', 682],
    ['x', 683],
    ['x', 5000],
    ['€', 682],
    ['😀', 341],
  ] as const) {
    const text = each.repeat(length)
    const expected = new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text)))
    expect(await sha256(text)).toBe(base64url(expected))
  }
})

test('RFC 2104 the platform’s HMAC says the same', async () => {
  for (const length of [0, 1, 55, 56, 64, 100]) {
    const [raw, message] = [random(32), random(length)]
    const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
    const expected = new Uint8Array(await crypto.subtle.sign('HMAC', key, message))
    const mac = hmacSha256(raw)
    expect(mac(message)).toEqual(expected)
    // The key is kept, and one message leaves nothing for the next.
    mac(random(200))
    expect(mac(message)).toEqual(expected)
  }
})

test('random tokens: as long as asked for, never twice, no bit that prefers a value', () => {
  const tokens = new Set<string>()
  let ones = 0
  for (let i = 0; i < 5000; i++) {
    const token = randomToken()
    expect(token).toMatch(/^[\w-]{27}$/)
    tokens.add(token)
    for (const byte of fromBase64url(token)!) for (let bit = byte; bit > 0; bit >>= 1) ones += bit & 1
  }
  expect(tokens.size).toBe(5000)
  // 800 000 bits: eight standard deviations.
  expect(Math.abs(ones - 400_000)).toBeLessThan(8 * 447)
  expect(randomToken(32)).toHaveLength(43)
  expect(() => randomToken(4001)).toThrow(RangeError)
})

test('RFC 5869 the subkey of a mac is HKDF of the secret, by purpose', async () => {
  const secret = 's'.repeat(32)
  const base = await crypto.subtle.importKey('raw', utf8(secret), 'HKDF', false, ['deriveKey'])
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: utf8('tollgate'), info: utf8('successor/HMAC') }
  const hmac = { name: 'HMAC', hash: 'SHA-256', length: 256 }
  const key = await crypto.subtle.deriveKey(hkdf, base, hmac, false, ['sign'])
  const expected = base64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8('text'))))
  expect(await new MacSealer([secret]).mac('successor', 'text')).toBe(expected)
})
