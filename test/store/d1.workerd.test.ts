import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { d1 } from '../../src/store/d1.ts'
import { storeAndFlowSuite } from './flow.suite.ts'
import { sweepsInPieces } from './store.suite.ts'

const { DB } = env as unknown as { DB: D1Database }

storeAndFlowSuite('D1', () => ({
  connect: () => d1(DB),
  outage: () => {
    const run = (): Promise<never> => Promise.reject(new Error('D1_ERROR: Network connection lost.'))
    return d1({ withSession: () => ({ prepare: () => ({ bind: () => ({ run }) }) }) })
  },
}))

describe('D1', () => {
  test('ST: every call begins a session at the primary', async () => {
    const constraints: unknown[] = []
    const recording = {
      withSession: (constraint: 'first-primary') => {
        constraints.push(constraint)
        return DB.withSession(constraint)
      },
    }
    const store = d1(recording)
    await store.get('a:b')
    const version = await store.put('a:b', 'x', { ifVersion: null })
    await store.put('a:b', 'x', { ifVersion: version! })
    await store.delete('a:b')
    expect(constraints).toEqual(Array(4).fill('first-primary'))
  })

  test('ST: the table is made at the first use, also by many at once', async () => {
    const store = d1(DB, { table: 'another "table"' })
    const versions = await Promise.all(
      Array.from({ length: 10 }, (_, i) => store.put(`a:${i}`, `${i}`, { ifVersion: null })),
    )
    expect(new Set(versions).size).toBe(10)
    expect((await store.get('a:7'))?.value).toBe('7')
    expect(await d1(DB).get('a:7')).toBeUndefined()
  })

  test('ST: an answer without a count of changes is an error, not a lost race', async () => {
    const run = <T>(): Promise<{ results: T[]; meta: object }> => Promise.resolve({ results: [], meta: {} })
    const store = d1({ withSession: () => ({ prepare: () => ({ bind: () => ({ run }) }) }) })
    await expect(store.put('a:b', 'x', { ifVersion: null })).rejects.toThrow()
  })

  test('ST3: D1 is swept in pieces of 1000', () => sweepsInPieces(d1(DB, { table: 'swept' })))

  test('d1: a wrong binding is a ConfigurationError', () => {
    expect(() => d1(undefined as never)).toThrow(ConfigurationError)
    expect(() => d1({} as never)).toThrow(/^`db` must be a D1 binding, for example env.DB; got object/)
  })
})
