/** The unix sockets of a QEMU's two monitors. */
export interface MonitorPaths {
  /** The monitor for operations: the holder of the domain's lock may use it. */
  readonly control: string
  /** A second monitor for queries while an operation uses the first. */
  readonly query: string
}

/** QEMU's arguments for both monitors. Each serves one client at a time and waits for the next when that one disconnects. */
export function monitorArguments(monitors: MonitorPaths): string[] {
  return [
    ...monitor('stasis-control', monitors.control),
    ...monitor('stasis-query', monitors.query),
  ]
}

/** QEMU's arguments for a monitor on a descriptor that is connected already. It has no use any more when its only client has disconnected. */
export function startMonitorArguments(fd: number): string[] {
  return monitorOn('stasis-start', `socket,id=char-stasis-start,fd=${fd}`)
}

/** The socket of the control monitor on a command line; `undefined` for a QEMU that was not started with our monitors. */
export function controlSocketIn(commandLine: readonly string[]): string | undefined {
  const [start = '', end = ''] = socketOption('stasis-control', '/').split('/')
  const option = commandLine.find((argument) => argument.startsWith(start))
  return option?.slice(start.length, -end.length).replaceAll(',,', ',')
}

function monitor(id: string, path: string): string[] {
  return monitorOn(id, socketOption(id, path))
}

function monitorOn(id: string, chardev: string): string[] {
  return ['-chardev', chardev, '-mon', `chardev=char-${id},id=${id},mode=control`]
}

function socketOption(id: string, path: string): string {
  // A comma in a value is doubled (QEMU util/qemu-option.c `get_opt_value`).
  return `socket,id=char-${id},path=${path.replaceAll(',', ',,')},server=on,wait=off`
}
