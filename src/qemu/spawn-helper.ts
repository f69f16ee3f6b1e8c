import { type SpawnedChild, spawnDetached } from './spawn-detached.ts'

/**
 * Starts a program of ours in a session of its own, so that it survives us, with the Node and the flags that run us, its output to
 * `outputFd`. With `compileCache`, a directory of ours alone, Node keeps there what it made of the sources, which takes two thirds off
 * the start (notes/node/loading.md).
 * @throws QemuError
 */
export async function spawnHelper(
  script: string,
  argv: readonly string[],
  outputFd: number,
  options: {
    readonly compileCache?: string | undefined
    /** Descriptors that it inherits as 3, 4, … in this order. */
    readonly extraFds?: readonly number[] | undefined
  } = {},
): Promise<SpawnedChild> {
  const { compileCache, extraFds = [] } = options
  const env = compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }
  const args = [...helperFlags(), script, ...argv]
  return spawnDetached(process.execPath, args, outputFd, extraFds, { env })
}

/** Of ours the flags that change how Node runs a program, not those that watch or test one. */
function helperFlags(): readonly string[] {
  return process.execArgv.filter((flag) =>
    /^--(disable-warning|conditions|import|no-warnings|experimental-strip-types)\b/.test(flag),
  )
}
