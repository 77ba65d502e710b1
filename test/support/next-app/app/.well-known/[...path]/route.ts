import { routes } from '../../../../../../src/adapter/next.ts'
import { rs } from '../../suite.ts'

export const { GET, HEAD, POST, OPTIONS } = routes(rs)
