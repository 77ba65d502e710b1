import { expect, test } from 'vitest'
import { formatBasic, readBasic } from '../../src/protocol/basic.ts'

const encode = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)))

test.each([
  ['client', 'secret'],
  ['a b', 'c+d:e%f'],
  ['https://app.example.com/client.json', 's:1'],
  ['Grüße', '世界'],
])('RFC 6749 §2.3.1 what is written for %j is read', (clientId, secret) => {
  const header = formatBasic(clientId, secret)
  expect(header).toMatch(/^Basic [A-Za-z0-9+/]+=*$/)
  expect(readBasic(header.slice(6))).toContainEqual({ clientId, secret })
})

test('credentials that are not encoded have a second reading', () => {
  expect(readBasic(encode('a+b:c%20d'))).toEqual([
    { clientId: 'a b', secret: 'c d' },
    { clientId: 'a+b', secret: 'c%20d' },
  ])
  expect(readBasic(encode('a:100%'))).toEqual([{ clientId: 'a', secret: '100%' }])
})

test.each(['', '!', encode('nocolon'), encode(':secret'), btoa('\xff\xfe:x')])('%j is malformed', (text) => {
  expect(readBasic(text)).toBeUndefined()
})
