import { routes } from 'tollgate/next'
import { endpoints } from '../../tollgate.ts'

export const { GET, HEAD, POST, OPTIONS } = routes(...endpoints)
