// Preloaded into Kinesis Mock, which has no option for its address: every server of the process listens on 127.0.0.1.
const net = require("net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, host, ...rest) {
  if (typeof port !== "number" || typeof host !== "string") {
    throw new Error(`listen_on_loopback.cjs: unexpected arguments of listen: ${port}, ${host}`);
  }
  return listen.call(this, port, "127.0.0.1", ...rest);
};
