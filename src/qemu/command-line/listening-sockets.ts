/**
 * The unix sockets on which a QEMU with these arguments listens for others than Stasis: serial ports, consoles, channels, VNC, SPICE. Paths in `/proc` are
 * left out.
 */
export function listeningSockets(argv: readonly string[]): readonly string[] {
  return argv.flatMap((value, at) => {
    const option = argv[at - 1]
    const path =
      option === '-chardev' && value.startsWith('socket,') && /,server=on(,|$)/.test(value)
        ? /,path=((?:[^,]|,,)+)/.exec(value)?.[1]
        : option === '-vnc'
          ? /^(?:vnc=)?unix:((?:[^,]|,,)+)/.exec(value)?.[1]
          : option === '-spice' && value.startsWith('unix=on,')
            ? /,addr=((?:[^,]|,,)+)/.exec(value)?.[1]
            : undefined
    return path === undefined || path.startsWith('/proc/') ? [] : [path.replaceAll(',,', ',')]
  })
}
