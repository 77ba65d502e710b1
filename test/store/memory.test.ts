import { memoryStore } from '../../src/store/memory.ts'
import { test } from 'vitest'
import { storeAndFlowSuite } from './flow.suite.ts'
import { sweepsInPieces } from './store.suite.ts'

storeAndFlowSuite('memory', () => {
  const store = memoryStore()
  return {
    connect: () => store,
    // This process's memory has no outage; the suite's test stands on the wrapper here.
    outage: () => {
      const fail = (): Promise<never> => Promise.reject(new Error('out of reach'))
      return { ...store, get: fail, put: fail, delete: fail }
    },
  }
})

test('ST3: memory is swept in pieces of 1000', () => sweepsInPieces(memoryStore()))
