import { guard } from '../../../../../src/adapter/next.ts'
import { suite } from '../suite.ts'

export const { GET, POST, DELETE, OPTIONS } = guard(
  () => suite().rs,
  (request, auth) => suite().handler(request, auth),
)
