import { memoryStore } from '../../src/store/memory.ts'
import { allSettings, tokenSuite } from '../support/as-suite.ts'

for (const settings of allSettings) tokenSuite('memory', memoryStore, settings)
