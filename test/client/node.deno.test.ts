// The helpers of `tollgate/node` are used here, too.
import './node.node.test.ts'
