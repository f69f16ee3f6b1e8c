import type { Fault } from './plan.ts'

/** The ways in which each call of the layer fails, the most usual first: errors that Linux gives for it, and short counts. */
export const FAULTS_OF: Readonly<Record<string, readonly Fault[]>> = {
  open: ['EMFILE', 'EIO', 'ENOSPC'],
  read: ['EIO', 'SHORT', 'ZERO'],
  write: ['ENOSPC', 'EIO', 'EDQUOT', 'SHORT'],
  fsync: ['EIO', 'ENOSPC'],
  close: ['EIO'],
  rename: ['EIO', 'EACCES'],
  copy: ['ENOSPC'],
  link: ['ENOSPC', 'EPERM'],
  unlink: ['EACCES', 'EIO'],
  truncate: ['EIO', 'ENOSPC'],
  mkdir: ['ENOSPC', 'EACCES'],
  stat: ['EIO', 'EACCES'],
  readdir: ['EMFILE', 'EIO'],
  chmod: ['EPERM'],
  watch: ['ENOSPC', 'EMFILE'],
  renameat2: ['EIO', 'EINVAL'],
  flock: ['ENOLCK', 'EAGAIN', 'EINTR'],
  fallocate64: ['ENOSPC', 'EINTR', 'EOPNOTSUPP', 'EIO'],
  memfd_create: ['EMFILE', 'ENOMEM'],
  ioctl: ['EIO', 'EINTR', 'EOPNOTSUPP'],
  socket: ['EMFILE'],
  socketpair: ['EMFILE'],
  bind: ['EADDRINUSE', 'ENOSPC'],
  listen: ['EADDRINUSE'],
  accept4: ['EMFILE', 'EINTR', 'EAGAIN', 'ECONNABORTED'],
  connect: ['ECONNREFUSED', 'EAGAIN'],
  getsockopt: ['ENOBUFS'],
  setsockopt: ['ENOMEM'],
  fcntl: ['EINVAL'],
  syscall: ['EPERM', 'EMFILE'],
  recv: ['ECONNRESET', 'EINTR', 'EAGAIN', 'SHORT', 'ZERO'],
  poll: ['EINTR', 'ENOMEM'],
  receive: ['ECONNRESET', 'ZERO', 'SHORT'],
  send: ['EPIPE', 'ECONNRESET'],
  spawn: ['EMFILE', 'ENOENT', 'EAGAIN', 'ENOMEM'],
  thread: ['EAGAIN'],
}

/** Faults that are the ordinary course of a call (POSIX): the operation must succeed. */
export function mustSurvive(call: string, fault: Fault): boolean {
  if (fault === 'SHORT' || fault === 'EINTR') return true
  return fault === 'EAGAIN' && ['recv', 'accept4'].includes(call)
}
