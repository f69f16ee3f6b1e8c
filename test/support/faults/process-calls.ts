import { createRequire } from 'node:module'
import { type Fault, consult, errnoOf, faultError } from './plan.ts'

type Call = (...args: unknown[]) => unknown

interface Handle {
  spawn: Call
}

const require = createRequire(import.meta.url)

/** Puts the layer before the start of processes and threads. */
export function replaceProcessCalls(): void {
  const { ChildProcess } = require('node:child_process') as {
    ChildProcess: { prototype: Record<string, Call> }
  }
  const spawn = ChildProcess.prototype['spawn']
  if (spawn === undefined)
    throw new Error('this Node has other processes: the fault layer does not fit')
  ChildProcess.prototype['spawn'] = function (this: { _handle: Handle }, ...args: unknown[]) {
    const [{ file }] = args as [{ file: string }]
    const fault = consult('spawn', () => file)
    if (fault !== undefined) failSpawn(this._handle, fault)
    return spawn.apply(this, args)
  }

  const threads = require('node:worker_threads') as { Worker: new (...args: unknown[]) => object }
  threads.Worker = new Proxy(threads.Worker, {
    construct(target, args: unknown[], newTarget): object {
      const fault = consult('thread', () => String(args[0]))
      if (fault !== undefined)
        throw Object.assign(faultError('thread', fault, String(args[0])), {
          code: 'ERR_WORKER_INIT_FAILED',
        })
      return Reflect.construct(target, args, newTarget) as object
    },
  })
}

function failSpawn(handle: Handle, fault: Fault): void {
  const spawn = handle.spawn
  handle.spawn = (_file, ...others) => {
    // libuv makes the pipes before it fails, unless it is out of descriptors.
    if (fault !== 'EMFILE') spawn.call(handle, '/proc/no-program', ...others)
    return -errnoOf(fault)
  }
}
