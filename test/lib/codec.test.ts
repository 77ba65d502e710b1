import { describe, expect, test } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import { recordCodec, sealedCodec, storedCodec } from '../../src/lib/codec.ts'
import { Sealer } from '../../src/lib/sealer.ts'

interface Note {
  text: string
  at?: number
}

const shape = { text: 'string', at: 'number?' } as const
const brought = recordCodec<Note>('note', shape)
const stored = storedCodec<Note>('note', shape)

describe.each([
  ['that a client brings', brought],
  ['in the store', stored],
])('a record %s', (_, codec) => {
  test('comes back as it was written, and says its version', () => {
    expect(JSON.parse(codec.encode({ text: 'a', at: 1 }))).toEqual({ v: 1, text: 'a', at: 1 })
    expect(codec.decode(codec.encode({ text: 'a', at: 1 }))).toEqual({ text: 'a', at: 1 })
  })

  test('keeps a field that this version does not know', () => {
    expect(codec.decode('{"v":1,"text":"a","later":true}')).toEqual({ text: 'a', later: true })
  })

  test.each([
    ['no JSON', '{"v":1,'],
    ['no object', '["a"]'],
    ['null', 'null'],
    ['no version', '{"text":"a"}'],
    ['an older version', '{"v":0,"text":"a"}'],
    ['a version that is a string', '{"v":"1","text":"a"}'],
    ['a member named twice', '{"v":1,"text":"a","text":"b"}'],
    ['a field missing', '{"v":1}'],
    ['a field of another type', '{"v":1,"text":1}'],
    ['an optional field of another type', '{"v":1,"text":"a","at":"1"}'],
  ])('is refused: %s', (_, text) => {
    expect(codec.decode(text)).toBeUndefined()
  })
})

const later = '{"v":2,"text":"a"}'

test('a later version is invalid if a client brought it, and 503 if it lies in the store', () => {
  expect(brought.decode(later)).toBeUndefined()
  expect(() => stored.decode(later)).toThrow(UnavailableError)
})

describe('a sealed record', () => {
  const sealer = new Sealer(['a deployment secret for tests, of forty bytes'])
  const sealed = sealedCodec('form', brought)

  test('is opened with its context, and with no other', async () => {
    const text = await sealed.seal(sealer, 'one', { text: 'a' })
    expect(await sealed.open(sealer, 'one', text)).toEqual({ text: 'a' })
    expect(await sealed.open(sealer, 'two', text)).toBeUndefined()
    expect(await sealedCodec('cookie', brought).open(sealer, 'one', text)).toBeUndefined()
  })

  test('of a later version is refused like the record itself', async () => {
    const text = await sealer.seal('form', 'one', later)
    expect(await sealed.open(sealer, 'one', text)).toBeUndefined()
    await expect(sealedCodec('form', stored).open(sealer, 'one', text)).rejects.toThrow(UnavailableError)
  })
})
