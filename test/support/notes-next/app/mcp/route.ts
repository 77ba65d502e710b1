import { guard } from 'tollgate/next'
import { operationScopes } from 'tollgate/operations'
import { memory, needs, notes } from '../../../../../examples/common/notes.ts'
import { tollgate } from '../tollgate.ts'

const mcp = notes(memory())

export const { GET, POST, DELETE, OPTIONS } = guard(() => tollgate().rs, mcp, {
  operations: operationScopes(needs, { default: 'deny' }),
})
