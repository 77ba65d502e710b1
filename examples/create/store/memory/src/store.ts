// Grants in memory: they are gone when the program ends.
import type { Store } from 'tollgate'
import { memoryStore } from 'tollgate/store/memory'

export const createStore = (): Store => memoryStore()
