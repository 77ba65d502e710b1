import { handler, rs } from '../suite.ts'

const guarded = rs.protect(handler)

export { guarded as GET, guarded as POST, guarded as DELETE, guarded as OPTIONS }
