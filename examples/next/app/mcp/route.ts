import { operationScopes } from 'tollgate/operations'
import { memory, needs, notes } from '../../../common/notes.ts'
import { rs } from '../tollgate.ts'

const mcp = notes(memory())
const handler = rs.protect((request, auth) => mcp(request, auth), { operations: operationScopes(needs) })

export { handler as GET, handler as POST, handler as DELETE, handler as OPTIONS }
