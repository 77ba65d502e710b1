/** Tests of the shared suite that one runtime cannot run, each with the reason. `test` is a prefix of "file › name". */
export const exceptions: readonly { runtime: string; test: string; reason: string }[] = []
