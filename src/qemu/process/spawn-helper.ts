import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { type Invocation, withoutNewPrivileges } from '../../io/processes/no-new-privileges.ts'
import { type SpawnedChild, spawnDetached } from './spawn-detached.ts'

/**
 * Starts a program of ours in its own session, so that it survives us, with our Node and our flags, a clean environment, and no way to gain privileges. Its output goes to `outputFd`. `compileCache` is
 * a directory that only we use: Node caches compiled sources there, which shortens the start by two thirds (notes/node/loading.md). A cache that our own
 * environment names comes first, because it is warmer.
 * @throws QemuError
 */
export async function spawnHelper(
  script: string,
  argv: readonly string[],
  outputFd: number | 'ignore',
  options: {
    readonly compileCache?: string | undefined
    /** Descriptors that it inherits as 3, 4, … in this order. */
    readonly extraFds?: readonly number[] | undefined
  } = {},
): Promise<SpawnedChild> {
  const { compileCache, extraFds = [] } = options
  const { program, args, env } = helperInvocation(script, argv, compileCache)
  return spawnDetached(program, args, outputFd, extraFds, { env })
}

/** The command line of our Node, with no way to gain privileges, and the environment, for a program of ours. */
export function helperInvocation(
  script: string,
  argv: readonly string[],
  compileCache: string | undefined,
): Invocation & { readonly env: NodeJS.ProcessEnv } {
  const cache = compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }
  return {
    ...withoutNewPrivileges({
      program: process.execPath,
      args: [...helperFlags(), script, ...argv],
    }),
    env: cleanEnvironment({ ...cache, ...ownVariables() }),
  }
}

/** Variables that are meant for Node and for us. */
function ownVariables(): Readonly<Record<string, string>> {
  const own = Object.entries(process.env).filter(([name]) => /^(NODE|UV|STASIS)_/.test(name))
  return Object.fromEntries(own) as Readonly<Record<string, string>>
}

/** Those of our flags that change how Node runs a program, not those that watch or test it. */
function helperFlags(): readonly string[] {
  return process.execArgv.filter((flag) =>
    /^--(disable-warning|conditions|import|no-warnings|experimental-strip-types)\b/.test(flag),
  )
}
