#!/usr/bin/env python3
"""Makes the data folders of a real Prometheus that the tests of the importer read. Needs `prometheus` and `promtool`.

usage: make.py OUT

OUT/data is a stopped server's folder: a block with tombstones, a log, a log of late samples. OUT/checkpoint is another's:
blocks of five minutes and a log with a checkpoint. Beside each lies what `promtool tsdb dump` says (floats only), and
OUT/start is when the first samples were, in milliseconds.
"""
import os, shutil, signal, struct, subprocess, sys, time, urllib.request

OUT = os.path.abspath(sys.argv[1])
PORT = 19977
BASE = f"http://127.0.0.1:{PORT}"
NOW = int(time.time() * 1000) // 60000 * 60000
STALE = 0x7FF0000000000002


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def zig(n):
    return varint((n << 1) ^ (n >> 63))


def field(number, kind, body):
    return varint(number << 3 | kind) + body


def text(number, value):
    value = value.encode() if isinstance(value, str) else value
    return field(number, 2, varint(len(value)) + value)


def f64(number, value):
    bits = value if isinstance(value, int) else struct.unpack("<Q", struct.pack("<d", value))[0]
    return field(number, 1, struct.pack("<Q", bits))


def sample(t, v):
    return f64(1, v) + field(2, 0, varint(t))


def span(offset, length):
    return field(1, 0, zig(offset)) + field(2, 0, varint(length))


def packed(values, code):
    return b"".join(code(v) for v in values)


def histogram(t, floats, count, zero, total, spans, buckets, nspans=(), nbuckets=(), hint=0, schema=1):
    raw = lambda v: struct.pack("<d", v)
    out = f64(2, float(count)) if floats else field(1, 0, varint(count))
    out += f64(3, total) + field(4, 0, zig(schema)) + f64(5, 2.0**-128)
    out += f64(7, float(zero)) if floats else field(6, 0, varint(zero))
    for s in nspans:
        out += text(8, span(*s))
    out += text(10, packed(nbuckets, raw)) if floats else text(9, packed(nbuckets, zig))
    for s in spans:
        out += text(11, span(*s))
    out += text(13, packed(buckets, raw)) if floats else text(12, packed(buckets, zig))
    return out + field(14, 0, varint(hint)) + field(15, 0, varint(t))


def series(labels, samples=(), histograms=(), exemplars=()):
    out = b"".join(text(1, text(1, n) + text(2, v)) for n, v in sorted(labels.items()))
    out += b"".join(text(2, s) for s in samples)
    out += b"".join(text(3, e) for e in exemplars)
    return text(1, out + b"".join(text(4, h) for h in histograms))


def snappy(raw):
    out = varint(len(raw))
    for at in range(0, len(raw), 60):
        piece = raw[at : at + 60]
        out += bytes([len(piece) - 1 << 2]) + piece
    return out


def push(*all_series):
    request = urllib.request.Request(BASE + "/api/v1/write", snappy(b"".join(all_series)), method="POST")
    request.add_header("Content-Type", "application/x-protobuf")
    request.add_header("Content-Encoding", "snappy")
    request.add_header("X-Prometheus-Remote-Write-Version", "0.1.0")
    urllib.request.urlopen(request).read()


def post(path):
    return urllib.request.urlopen(urllib.request.Request(BASE + path, b"", method="POST")).read()


def server(data, *flags):
    config = os.path.join(OUT, "prometheus.yml")
    with open(config, "w") as f:
        f.write("storage:\n  tsdb:\n    out_of_order_time_window: 2h\n")
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}",
               f"--web.listen-address=127.0.0.1:{PORT}", "--web.enable-remote-write-receiver", "--web.enable-admin-api",
               "--enable-feature=native-histograms,exemplar-storage", *flags]
    process = subprocess.Popen(command, stderr=open(os.path.join(OUT, "server.log"), "a"))
    for _ in range(200):
        try:
            urllib.request.urlopen(BASE + "/-/ready").read()
            return process
        except Exception:
            time.sleep(0.1)
    raise SystemExit("the server does not come up")


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait()


def shapes(start, count, step):
    times = [start + i * step for i in range(count)]
    yield series({"__name__": "up", "job": "node", "instance": "a:1"}, [sample(t, 1.0) for t in times])
    yield series({"__name__": "requests_total", "job": "node", "path": "/ü\"\n"},
                 [sample(t + (i * 7) % 13, i * 3.25) for i, t in enumerate(times)],
                 exemplars=[text(1, text(1, "trace_id") + text(2, "abc")) + f64(2, 0.5) + field(3, 0, varint(times[0]))])
    yield series({"__name__": "odd", "job": "node"}, [sample(t, v) for t, v in zip(times, [
        0.0, -0.0, float("inf"), float("-inf"), 0x7FF8000000000001, 1e-320, 1.7976931348623157e308, STALE,
        0x7FF8DEADBEEF0001, 0.1])])
    yield series({"__name__": "random", "job": "node"},
                 [sample(t, struct.unpack("<d", struct.pack("<Q", (i * 0x9E3779B97F4A7C15) & 0x7FEFFFFFFFFFFFFF))[0])
                  for i, t in enumerate(times)])
    yield series({"__name__": "latency", "job": "node"}, [], [
        histogram(t, False, 8 + 6 * i, 2 + i, 18.5 + i, [(0, 2), (1, 2)], [1 + i, 1, -1, 0],
                  [(-2, 1)], [1 + i]) for i, t in enumerate(times)])
    yield series({"__name__": "latency_float", "job": "node"}, [], [
        histogram(t, True, 12.5 + i, 2.25, 18.5 - i, [(0, 2), (3, 1)], [1.5 + i, 2.5, 3.0], hint=3)
        for i, t in enumerate(times)])
    # Ends and comes back; is a float in between.
    whole = lambda t, i: histogram(t, False, 2 + i, 0, 1.0, [(0, 1)], [2 + i])
    yield series({"__name__": "mixed", "job": "node"}, [], [whole(t, 7) for t in times[:5]])
    yield series({"__name__": "mixed", "job": "node"}, [], [histogram(times[5], False, 0, 0, STALE, [], [])])
    yield series({"__name__": "mixed", "job": "node"}, [sample(t, 4.0) for t in times[6:9]])
    yield series({"__name__": "mixed", "job": "node"}, [], [whole(t, 1) for t in times[9:]])


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    data = os.path.join(OUT, "data")
    os.makedirs(OUT)
    process = server(os.path.join(OUT, "first"))
    push(*shapes(NOW - 3600_000, 400, 5000))
    post("/api/v1/admin/tsdb/delete_series?match[]=random&start=%d&end=%d"
         % (NOW // 1000 - 3000, NOW // 1000 - 2900))
    stop(process)
    # A second life: a snapshot becomes blocks, and the log goes on beside them.
    process = server(os.path.join(OUT, "first"))
    post("/api/v1/admin/tsdb/snapshot")
    stop(process)
    shutil.copytree(os.path.join(OUT, "first", "snapshots", os.listdir(os.path.join(OUT, "first", "snapshots"))[0]), data)
    process = server(data)
    push(*shapes(NOW - 3600_000 + 400 * 5000, 50, 5000))
    push(series({"__name__": "late", "job": "node"}, [sample(NOW - 60_000, 5.0)]))
    for t in (NOW - 600_000, NOW - 300_000, NOW - 900_000):
        push(series({"__name__": "late", "job": "node"}, [sample(t, t / 7.0)]))
    post("/api/v1/admin/tsdb/delete_series?match[]=up&start=%d&end=%d" % (NOW // 1000 - 3500, NOW // 1000 - 3400))
    post("/api/v1/admin/tsdb/delete_series?match[]=up&start=%d&end=%d" % (NOW // 1000 - 1500, NOW // 1000 - 1490))
    stop(process)
    # Short blocks and many beginnings make a checkpoint.
    checkpoint = os.path.join(OUT, "checkpoint")
    for life in range(6):
        process = server(checkpoint, "--storage.tsdb.min-block-duration=5m", "--storage.tsdb.max-block-duration=5m")
        push(*shapes(NOW - 3600_000 + life * 500_000, 100, 5000))
        for _ in range(100):
            if life < 4 or os.path.isdir(os.path.join(checkpoint, "wal")) and any(
                    name.startswith("checkpoint.") and not name.endswith(".tmp")
                    for name in os.listdir(os.path.join(checkpoint, "wal"))):
                break
            time.sleep(0.1)
        stop(process)
    with open(os.path.join(OUT, "start"), "w") as f:
        f.write(f"{NOW - 3600_000}\n")
    for folder in (data, checkpoint):
        for left in ("queries.active", "chunks_head", "lock"):
            path = os.path.join(folder, left)
            shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)
        with open(folder + ".dump", "w") as f:
            subprocess.run(["promtool", "tsdb", "dump", folder], stdout=f, check=True)


main()
