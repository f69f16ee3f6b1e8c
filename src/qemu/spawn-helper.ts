import { type SpawnedChild, spawnDetached } from './spawn-detached.ts'

/**
 * Starts a program of ours in a session of its own, so that it survives us, with the Node and the flags that run us, its output to
 * `outputFd`.
 * @throws QemuError
 */
export async function spawnHelper(
  script: string,
  argv: readonly string[],
  outputFd: number,
): Promise<SpawnedChild> {
  return spawnDetached(process.execPath, [...helperFlags(), script, ...argv], outputFd, [])
}

/** Of ours the flags that change how Node runs a program, not those that watch or test one. */
function helperFlags(): readonly string[] {
  return process.execArgv.filter((flag) =>
    /^--(disable-warning|conditions|import|no-warnings|experimental-strip-types)\b/.test(flag),
  )
}
