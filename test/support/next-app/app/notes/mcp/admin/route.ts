import { guard } from '../../../../../../../src/adapter/next.ts'
import { handlerOf } from '../../../../../../adapter/routing-app.ts'
import { resourceAt, suite } from '../../../suite.ts'

export const { GET, POST, DELETE, OPTIONS } = guard(() => suite().several, handlerOf('/notes/mcp/admin'), {
  resource: resourceAt('/notes/mcp/admin'),
})
