"""Writes the fixtures of this folder; see README.md."""
import pathlib
import thriftpy2
from thriftpy2.protocol import TBinaryProtocol, TCompactProtocol
from thriftpy2.thrift import TMessageType
from thriftpy2.transport import TMemoryBuffer

here = pathlib.Path(__file__).parent
j = thriftpy2.load(str(here / "jaeger.thrift"), module_name="jaeger_thrift")
T = j.TagType


def signed(x):
    return x - (1 << 64) if x >= 1 << 63 else x


tags = [
    j.Tag(key="http.method", vType=T.STRING, vStr="GET"),
    j.Tag(key="ratio", vType=T.DOUBLE, vDouble=129.8),
    j.Tag(key="error", vType=T.BOOL, vBool=True),
    j.Tag(key="cached", vType=T.BOOL, vBool=False),
    j.Tag(key="http.status_code", vType=T.LONG, vLong=-500),
    j.Tag(key="blob", vType=T.BINARY, vBinary=b"\x00\x00\x30\x39"),
]
span = j.Span(
    traceIdLow=signed(0x8899AABBCCDDEEFF), traceIdHigh=0x0011223344556677,
    spanId=signed(0xF1F2F3F4F5F6F7F8), parentSpanId=0x0102030405060708,
    operationName="GET /größe", flags=1, startTime=1485467191639875, duration=22938, tags=tags,
    references=[
        j.SpanRef(refType=j.SpanRefType.FOLLOWS_FROM, traceIdLow=5, traceIdHigh=0, spanId=6),
        j.SpanRef(refType=j.SpanRefType.CHILD_OF, traceIdLow=signed(0x8899AABBCCDDEEFF),
                  traceIdHigh=0x0011223344556677, spanId=0x0102030405060708),
    ],
    logs=[j.Log(timestamp=1485467191639880, fields=[j.Tag(key="event", vType=T.STRING, vStr="done")])],
)
many = [
    j.Span(traceIdLow=7, traceIdHigh=0, spanId=100 + i, parentSpanId=0, operationName="op", flags=0,
           startTime=i, duration=1)
    for i in range(20)
]
process = j.Process(serviceName="api", tags=[j.Tag(key="ip", vType=T.STRING, vStr="10.0.0.1")])
stats = j.ClientStats(fullQueueDroppedSpans=1, tooLargeDroppedSpans=2, failedToEmitSpans=3)
batch = j.Batch(process=process, spans=[span] + many, seqNo=9, stats=stats)
child = j.Span(traceIdLow=1, traceIdHigh=0, spanId=2, parentSpanId=3, operationName="child", flags=0,
               startTime=10, duration=20)
old = j.Batch(process=j.Process(serviceName="old"), spans=[child])


def write(name, protocol, body):
    buffer = TMemoryBuffer()
    body(protocol(buffer))
    (here / name).write_bytes(buffer.getvalue())


def call(p):
    p.write_message_begin("emitBatch", TMessageType.ONEWAY, 3)
    args = j.Agent.emitBatch_args(batch=batch)
    p.write_struct(args)
    p.write_message_end()


for suffix, protocol in (("binary", TBinaryProtocol), ("compact", TCompactProtocol)):
    write(f"batch.{suffix}.bin", protocol, lambda p: p.write_struct(batch))
    write(f"emit_batch.{suffix}.bin", protocol, call)
write("parent_only.binary.bin", TBinaryProtocol, lambda p: p.write_struct(old))
