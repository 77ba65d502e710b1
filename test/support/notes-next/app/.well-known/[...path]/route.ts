import { routes } from 'tollgate/next'
import { tollgate } from '../../tollgate.ts'

export const { GET, HEAD, POST, OPTIONS } = routes(() => tollgate().endpoints)
