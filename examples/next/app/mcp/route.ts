import { guard } from 'tollgate/next'
import { operationScopes } from 'tollgate/operations'
import { mcp, needs } from '../notes.ts'
import { tollgate } from '../tollgate.ts'

export const { GET, POST, DELETE, OPTIONS } = guard(() => tollgate().rs, mcp, {
  operations: operationScopes(needs, { default: 'deny' }),
})
