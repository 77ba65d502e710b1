import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { createScopeHierarchy, formatScope, isScopeToken, parseScope } from '../../src/protocol/scope.ts'

const token = fc.string({
  unit: fc
    .integer({ min: 0x21, max: 0x7e })
    .filter((code) => code !== 0x22 && code !== 0x5c)
    .map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 20,
})

/** What is needed and not granted, neither itself nor by a scope that implies it. */
const missingBy =
  ({ expand }: ReturnType<typeof createScopeHierarchy>) =>
  (granted: readonly string[], needed: readonly string[]): string[] =>
    needed.filter((scope) => !expand(granted).has(scope))

describe('RFC 6749 §3.3', () => {
  test('what was formatted is what is parsed', () => {
    fc.assert(
      fc.property(fc.uniqueArray(token), (scopes) => {
        expect(parseScope(formatScope(scopes))).toEqual(scopes)
      }),
    )
  })

  test('each scope once, in order; none at all', () => {
    expect(parseScope('b a b c a')).toEqual(['b', 'a', 'c'])
    expect(parseScope('')).toEqual([])
  })

  test('RC9 runs of spaces count as one, around the list too', () => {
    for (const text of [' a b', 'a b ', 'a  b', '   a   b   '])
      expect(parseScope(text), text).toEqual(['a', 'b'])
    expect(parseScope('  ')).toEqual([])
  })

  test.each(['a"b', 'a\\b', 'a\tb', 'a\nb', 'a\u0000', 'ä', 'a\u00a0b'])('AZ11 G27 illegal: %j', (text) =>
    expect(parseScope(text)).toBeUndefined(),
  )

  test('G27 a scope token is compared as a whole', () => {
    const missing = missingBy(createScopeHierarchy())
    for (const granted of ['files:write2', 'FILES:WRITE', 'x,files:write', 'files', 'files:writ'])
      expect(missing([granted], ['files:write']), granted).toEqual(['files:write'])
    expect(missing(['a', 'files:write'], ['files:write'])).toEqual([])
    expect(isScopeToken('x,files:write')).toBe(true)
    for (const text of ['', 'a b', 'a"']) expect(isScopeToken(text), text).toBe(false)
  })

  test('AZ11 a megabyte is read in linear time', () => {
    expect(parseScope('a '.repeat(500_000))).toEqual(['a'])
    expect(parseScope(`${'a '.repeat(500_000)}a`)).toEqual(['a'])
  })
})

describe('MCP 2026-07-28 Step-Up Authorization Flow: hierarchies', () => {
  const hierarchy = createScopeHierarchy({ admin: ['write', 'audit'], write: ['read'] })

  test('G27 admin does what read does; read does not what admin does', () => {
    expect(missingBy(hierarchy)(['admin'], ['read'])).toEqual([])
    expect(missingBy(hierarchy)(['read'], ['admin'])).toEqual(['admin'])
    expect(missingBy(hierarchy)(['write'], ['read', 'audit'])).toEqual(['audit'])
  })

  test('implication is transitive', () => {
    expect([...hierarchy.expand(['admin'])].toSorted()).toEqual(['admin', 'audit', 'read', 'write'])
    expect([...hierarchy.expand(['other'])]).toEqual(['other'])
    expect([...hierarchy.expand([])]).toEqual([])
  })

  test('names of Object.prototype imply nothing', () => {
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(missingBy(hierarchy)([name], ['read']), name).toEqual(['read'])
    expect([...createScopeHierarchy({ a: ['constructor'] }).expand(['a'])]).toEqual(['a', 'constructor'])
  })

  test('whoever has everything misses nothing, and a larger grant never misses more', () => {
    const name = fc.constantFrom('admin', 'write', 'read', 'audit', 'x')
    fc.assert(
      fc.property(fc.array(name), fc.array(name), fc.array(name), (granted, more, needed) => {
        const missing = missingBy(hierarchy)([...granted, ...more], needed)
        expect(missingBy(hierarchy)(granted, needed)).toEqual(expect.arrayContaining(missing))
        expect(missingBy(hierarchy)(needed, needed)).toEqual([])
      }),
    )
  })

  test.each<[string, Record<string, string[]>, RegExp]>([
    ['itself', { a: ['a'] }, /`scopeImplies` must have no circle; remove one of a → a/],
    ['a cycle', { a: ['b'], b: ['c'], c: ['a'] }, /`scopeImplies` .* a → b → c → a/],
    ['no scope', { a: ['b c'] }, /`scopeImplies\.a` must be scopes .*; got "b c"/],
  ])('%s is a ConfigurationError', (_, implies, message) => {
    expect(() => createScopeHierarchy(implies)).toThrow(ConfigurationError)
    expect(() => createScopeHierarchy(implies)).toThrow(message)
  })
})
