import { routes } from '../../../../../../src/adapter/next.ts'
import { suite } from '../../suite.ts'

export const { GET, HEAD, POST, OPTIONS } = routes(() => [suite().rs, suite().several])
