import { guard } from 'tollgate/next'
import { notes, operations } from '../../notes.ts'
import { tollgate } from '../../tollgate.ts'

export const { GET, POST, DELETE, OPTIONS } = guard(() => tollgate().rs, notes, { operations })
