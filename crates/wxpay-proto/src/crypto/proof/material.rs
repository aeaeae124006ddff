//! Throw-away keys, with signatures and ciphertexts that OpenSSL made with them: Base64, keys in DER. Made by `make.py`.

/// The message of the signatures.
pub(super) const MESSAGE: &str = "POST\n/v3/pay/transactions/native\n1700000000\n5K8264ILTKCH16CQ\n{\"description\":\"千足金箍棒\",\"amount\":{\"total\":1}}\n";
/// The plaintext of the RSA ciphertexts.
pub(super) const SECRET: &str = "张三 13800138000";
/// The AES-256-GCM key of the ciphertexts.
pub(super) const API_V3_KEY: &[u8; 32] = b"APIv3 keys have thirty-two bytes";
/// The nonce of the AES-GCM ciphertexts.
pub(super) const NONCE: &[u8; 12] = b"593bec0c930b";
/// A private key of 2048 bits, in PKCS#8.
pub(super) const PKCS8: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCjjVIumMRkMbL3DQjquXP2BhUUc0M69gtszRmdvyphuLDm8Wk7\
    KDYTzr1oyGlQqfvFl2/gpCy3Iy9J7rKNph5FgslqdXi36xHVKRJ2/GqRMj+3WyeVl5OnM7obPNL82dC2xbJYLf7qe/JMvCLESwgT\
    SPaM9OReF1f1uMA/1VIRXzc7Zrm2jd+aDjHL4QgXsoTCM+vgycbjn/1duIfk0UAlzhuSgPigPBG4wKqtzANcL0YxphvM16JZyTTm\
    mZ1ykQVH0UMzjcko0GKxINwcAteji3r4OzIXhOpzewGJGB0MnIeGDRzo/G+sVNcl424SzS/AaXlpoNiuCG6lE9435s9fAgMBAAEC\
    ggEAANkFx1RAySYqzJxs/E57lLEuYP2oW3Qub5Q8+qc+UH7B4ZVejsRw5B3+HfHTMR+LowtCAX+VJ1pC1f0rQFzo99velszG4Rxf\
    HZdwNZBHlLrjP3X0/0UBKmyag9nT9b4pSbE+CrZeUmSgrZe+2snRLMxqUfIfahw9dy2yE89tJ/lJiy4YQwlQtxlc+4QeYLhwXGY5\
    Qr1tgjC1bfjULH53zUBZq6+7uZdrHIYVeUAGpe/3FuWQDy+oQ6/EpCrfu+9vvcaGA3iAfL6Uxc2Qlz8BXA0cCvrAx2k51ohzqC0d\
    sKOvsFMkYUJIY0sqq6brHzZ17dnXvc/7n2N9SKEBLfYK4QKBgQDfVYQTMzG4cuVoNNNp3ooBmyAaV0CT+fpBtWoAwHwR476RALzQ\
    r0TbzrsoIrJ5Cm64uy8U5J5dYqka3PjfbQaIDKjBDB0fKAt+J0CNCHGiqJXhxlZct2TWB8A/W+MHcLcCeYcIB4Rfex3cSY7VmS96\
    zU7AWIKET3kAa6Tvnc50fwKBgQC7eVZMIdxNbOJW1NkYp5/SeoNh4Vb43xV6VZeX2tMciKJnC/+IFS5yn35QoQeuXo2p+k6EHp8e\
    bElg2YlNzX6s2Ze/umGy75xV99/chSN6RPychN51izpX+ZDdljSByPrmofDJ5Wp2jLyfDq3+MDpZmpOus21H9NH+rUV6MhS1IQKB\
    gEwvC8LQ7+EPsJn/iy7OLx2lISpbIThZSbkofWSMRMaFffhQ3BgD8eVZfBaQ33jSyjpSABmMc0k/4pe7UVpGArheOSLBUx3Rtznt\
    geOaQclO4PIHimZOWSN5uWbjnWpoVMWPVzSx+8HmaaU/om3St5OYfYi3qK4hvhEap0Tl/AtZAoGAVQQ5dl0Eorf2DJqJuPyLJdAZ\
    NJIT9thzzP5zuJGrmwz7WO+/+d5hKenaRoZADXsjkynH4XJhhlJlFF6SPY4rHAexIWlMVPEEXJgEFOTrqc8PH4vBtlxlIPA0Gci8\
    Fv8liOF3aJd5KDm6cAcgMF1+mJPY1SjZLgCAGpZJI5kCewECgYEAkNS48xLJV0xMaQSJj5UXuqunVYvDr/iAoNoKiL6amOcxLwKy\
    xoX16BinLZJLpaN1IUt1HEoQm0Eyo9R0ktYPqH0z7QyFnMUSCXrLL1x51hx+4canPkoMSqQOlfqGuAIovUj1jaj1EhbLiXNGewh0\
    WBRFVEgUZuT1/GjDbA7z0BE=";
/// The private key of `PKCS8`, in PKCS#1.
pub(super) const PKCS1: &str = "\
    MIIEowIBAAKCAQEAo41SLpjEZDGy9w0I6rlz9gYVFHNDOvYLbM0Znb8qYbiw5vFpOyg2E869aMhpUKn7xZdv4KQstyMvSe6yjaYe\
    RYLJanV4t+sR1SkSdvxqkTI/t1snlZeTpzO6GzzS/NnQtsWyWC3+6nvyTLwixEsIE0j2jPTkXhdX9bjAP9VSEV83O2a5to3fmg4x\
    y+EIF7KEwjPr4MnG45/9XbiH5NFAJc4bkoD4oDwRuMCqrcwDXC9GMaYbzNeiWck05pmdcpEFR9FDM43JKNBisSDcHALXo4t6+Dsy\
    F4Tqc3sBiRgdDJyHhg0c6PxvrFTXJeNuEs0vwGl5aaDYrghupRPeN+bPXwIDAQABAoIBAADZBcdUQMkmKsycbPxOe5SxLmD9qFt0\
    Lm+UPPqnPlB+weGVXo7EcOQd/h3x0zEfi6MLQgF/lSdaQtX9K0Bc6Pfb3pbMxuEcXx2XcDWQR5S64z919P9FASpsmoPZ0/W+KUmx\
    Pgq2XlJkoK2XvtrJ0SzMalHyH2ocPXctshPPbSf5SYsuGEMJULcZXPuEHmC4cFxmOUK9bYIwtW341Cx+d81AWauvu7mXaxyGFXlA\
    BqXv9xblkA8vqEOvxKQq37vvb73GhgN4gHy+lMXNkJc/AVwNHAr6wMdpOdaIc6gtHbCjr7BTJGFCSGNLKqum6x82de3Z173P+59j\
    fUihAS32CuECgYEA31WEEzMxuHLlaDTTad6KAZsgGldAk/n6QbVqAMB8EeO+kQC80K9E2867KCKyeQpuuLsvFOSeXWKpGtz4320G\
    iAyowQwdHygLfidAjQhxoqiV4cZWXLdk1gfAP1vjB3C3AnmHCAeEX3sd3EmO1Zkves1OwFiChE95AGuk753OdH8CgYEAu3lWTCHc\
    TWziVtTZGKef0nqDYeFW+N8VelWXl9rTHIiiZwv/iBUucp9+UKEHrl6NqfpOhB6fHmxJYNmJTc1+rNmXv7phsu+cVfff3IUjekT8\
    nITedYs6V/mQ3ZY0gcj65qHwyeVqdoy8nw6t/jA6WZqTrrNtR/TR/q1FejIUtSECgYBMLwvC0O/hD7CZ/4suzi8dpSEqWyE4WUm5\
    KH1kjETGhX34UNwYA/HlWXwWkN940so6UgAZjHNJP+KXu1FaRgK4XjkiwVMd0bc57YHjmkHJTuDyB4pmTlkjeblm451qaFTFj1c0\
    sfvB5mmlP6Jt0reTmH2It6iuIb4RGqdE5fwLWQKBgFUEOXZdBKK39gyaibj8iyXQGTSSE/bYc8z+c7iRq5sM+1jvv/neYSnp2kaG\
    QA17I5Mpx+FyYYZSZRRekj2OKxwHsSFpTFTxBFyYBBTk66nPDx+LwbZcZSDwNBnIvBb/JYjhd2iXeSg5unAHIDBdfpiT2NUo2S4A\
    gBqWSSOZAnsBAoGBAJDUuPMSyVdMTGkEiY+VF7qrp1WLw6/4gKDaCoi+mpjnMS8CssaF9egYpy2SS6WjdSFLdRxKEJtBMqPUdJLW\
    D6h9M+0MhZzFEgl6yy9cedYcfuHGpz5KDEqkDpX6hrgCKL1I9Y2o9RIWy4lzRnsIdFgURVRIFGbk9fxow2wO89AR";
/// The public key of `PKCS8`.
pub(super) const SPKI: &str = "\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo41SLpjEZDGy9w0I6rlz9gYVFHNDOvYLbM0Znb8qYbiw5vFpOyg2E869\
    aMhpUKn7xZdv4KQstyMvSe6yjaYeRYLJanV4t+sR1SkSdvxqkTI/t1snlZeTpzO6GzzS/NnQtsWyWC3+6nvyTLwixEsIE0j2jPTk\
    XhdX9bjAP9VSEV83O2a5to3fmg4xy+EIF7KEwjPr4MnG45/9XbiH5NFAJc4bkoD4oDwRuMCqrcwDXC9GMaYbzNeiWck05pmdcpEF\
    R9FDM43JKNBisSDcHALXo4t6+DsyF4Tqc3sBiRgdDJyHhg0c6PxvrFTXJeNuEs0vwGl5aaDYrghupRPeN+bPXwIDAQAB";
/// A certificate of the public key of `PKCS8`.
pub(super) const CERTIFICATE: &str = "\
    MIIDCzCCAfOgAwIBAgIUB99pcRF0aZ7SP9FEZm8qbTX2thMwDQYJKoZIhvcNAQELBQAwFTETMBEGA1UEAwwKMTkwMDAwMDAwMTAe\
    Fw0yNjExMjQxNTE0NDdaFw0zMTExMjQxNTE0NDdaMBUxEzARBgNVBAMMCjE5MDAwMDAwMDEwggEiMA0GCSqGSIb3DQEBAQUAA4IB\
    DwAwggEKAoIBAQCjjVIumMRkMbL3DQjquXP2BhUUc0M69gtszRmdvyphuLDm8Wk7KDYTzr1oyGlQqfvFl2/gpCy3Iy9J7rKNph5F\
    gslqdXi36xHVKRJ2/GqRMj+3WyeVl5OnM7obPNL82dC2xbJYLf7qe/JMvCLESwgTSPaM9OReF1f1uMA/1VIRXzc7Zrm2jd+aDjHL\
    4QgXsoTCM+vgycbjn/1duIfk0UAlzhuSgPigPBG4wKqtzANcL0YxphvM16JZyTTmmZ1ykQVH0UMzjcko0GKxINwcAteji3r4OzIX\
    hOpzewGJGB0MnIeGDRzo/G+sVNcl424SzS/AaXlpoNiuCG6lE9435s9fAgMBAAGjUzBRMB0GA1UdDgQWBBQ3CTviC11BDAxBfIpS\
    wz9rw8QNTjAfBgNVHSMEGDAWgBQ3CTviC11BDAxBfIpSwz9rw8QNTjAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IB\
    AQCI0mjiRO2G5SDolY3ggrAZRmBMDLD0+1q3enaCyF13Nc8adBSS5HjuYoEYNsiBKc7KJuREmDZm3fh+UdD+Uhe+O/EOC1svnb52\
    sykGdimCGrwkKTVQCySLCdPXfmWkSNl+EPDDlXMwH7Mb7lnztNzXH2GdA9l4Ce19kdMGzsCeuf+Wv95r2Nq38fPLUldVH355LFah\
    QeadMyXksj1XoN67N8ne9PHE3kEJjDMiq0XPjSCqYlVDCYdkgeRrog+Zwk4BS3NukxI+YFIgRvv/rePDyDdAwhbsplBCIoGhTh+r\
    GkgG7WPV1ZCSwrUntMMzUNWGIuex76hfYRO/PxcDl1eP";
/// A second private key of 2048 bits, in PKCS#8.
pub(super) const OTHER_PKCS8: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCZWiDsVE3rCY8Ba5LcmzvpO6jE3X7NvA7vFIRPo3wEMSfIXDp1\
    yUMVVSXnxtcDKjoYrzfQqqwJK7ES2KcP0xZ5XG4wxnANnWqEhOYRvhaGO+uujZqDEtUQsCjRlhWorl0X0rlnECxaXV7h8PVX5sHl\
    7q6zAu97r58agVpzvYtMUAcLIeO+xRN+/Yd9FurNmM/q2bW+9P4Xuo/WJyHiwmD8TKNkixy3XwTLDgWPeXq9lXk2uh6mQ0NDgx4x\
    sGlGOAXz9mg69IHk2svkdaFrVhR0YTydQzvO4Ff3c3PGvVIu7y/Z0LDD1Bfc9QJEidlGNy0w9whqAwfin2BvY2MeAJz3AgMBAAEC\
    ggEADKroS1K6I686Hpjp8cqU9rLp7GaLl1JwkrP0K2FK2Pcih9Iui2pLs1MW+tVvD3Yz2bQnp9dhYgSM77dGiEUcodEj0mhMpfiZ\
    7ZvOJtW3+0YEivpsMrr3L2tjLnpNDGO9kZPjotgwLGrIGraSiGdUdGT0uMQw+jD2CJ96Kai/qAGs6icaeRGKKw5N/TFFs8tAT7sy\
    6TCZ6L87+63YSKzvIHMqzM16qdS5VqNattxYTlAyvl3nquLtG50G+oMTTEtjiKiuURrj3wYvHC2mfSBqMMasBkyT+pqWTVpHU270\
    zOy7HcNuqqCAJCJWLQjFYJcOBcAvYs9CSXXuz1U1K5bu6QKBgQDO1t0WT0otMT4JchjWxvB5k+D0tK+WjKR4hCRcWqMD0B7JOmKC\
    ZfLnOZP1sL4uXdnOuCG/rFpBfuibVeuTnfMavD2hWU3+8LOm0dNVHKFnOaYWyY5aupGsd3tCUkYA6JN+XoKY6yuYIEExmewBFhk5\
    e15wd4KA+qGgcLefwWHB3QKBgQC9zNV5LSaK+ovqQtOymCoC0I5LduX5IDGH3obM+oRZLqfbxh24aPACPA7kLojlwo5suczf4Gzw\
    n9K1Ugx3/o13YFDnFCjiisL/ssb+SxG1SnPtFUQh0sl7CGYOyngYNETmDtktdDoX1Owy7bhqnvh0k96/DfIbh29enedWb6wu4wKB\
    gB31GMhma4PoIegUUmypG6NAO9C1askPTbL20J1fs0SWHB9hCWuBgJDk0f0/wAvPJADAwoKUX+4kh2QYKaqTseYpZXO9D4LhMePz\
    d/xXzTi6LMgYIToa04Z7N6r/Z4wyI0qmPZwQU5wQ7+BTPs9ZeAXPTHpVlN1Bb69hI/dLdvExAoGBAJ27XK0XmLBnB1/nqYcCbedo\
    6thMN1KSLpd7lwtCJjr3SwiZ3JkknFE/GCEJiztmNHam8lwbZm2SZMnLJhGSun46zQE8/71FFEjrifRK7qx681xUEAsL4eUdVbN1\
    D9kNlzSZomLj9GNZz/GDHX9+HXzEZpjgPhQiuasoDtkGdVGBAoGARnHFwG9eKfYu/fCs2CVez1P+rLen+kQBEYPjy1Romezl5Kgn\
    iCI4rVIo5iY+u/9SuUxRNO9eWeF5Bmx5x2aTGVRSbh+jlP9kRitLgFYdNSJ7Oum+WxKthnL1/OnU1rUjtVj6i0Hmf96XeuFXhI2h\
    3sgVaIb+nwZU9cKwrTNondY=";
/// A private key of 1024 bits, in PKCS#8.
pub(super) const SMALL_PKCS8: &str = "\
    MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAMLQtL51tS/rHksiZl39w6BBsZ9EAyFBiBy0xxePXohe0VPCVwOZ\
    ZCMECrEWdt7ilKtzHC+zbpioFUAGTR/tyHjT8n8p+Xt0l/kDvjfHopqv3J8kDy3Dzj9+rRITOdPW1LnHCP7mBYUJ4ZR3n2WFcqzY\
    kaoMKwe36Mee8H9n0m7rAgMBAAECgYAX66Z1yGAx/Q2gLh4hploR4F8d7izwNWqwE6ZqhykVV4ceYLtsbrYz8ngZnGeGII4eqyin\
    1sFarzDExsFLjVfS/0JFzmzO8AsfJZkAoDMQh8hpBC7qq5lgnZtn6FzhDxWlM+Gv37kVeW4yP5mdRE4k0xDR07lnDa1Fv9Swg5pl\
    CQJBAO9CV6ve+vqXqFi/vrTANTrjZKVQOGPPiPtOXPNh8D0XTLr7RLhzUKabo+j3Bg8+ux4OfGsS5vM3pfTYtdc0h2UCQQDQckaV\
    Zyjuf7hzgdqbNp066qH2166TDbCo+OvJYdE2txYFgO4lxzsVgCr4+0AQlCy8Nbd9bKmYDDsMSTbFHIAPAkEAoH2XA5IiNqAua8HL\
    McHQsvy/kWh7OvCGiVRqY1Pp64DKlo5f7X5kti2myGmTJfzFVYcQDF70jmdgqhoH+CCjRQJAFc5eo/KOzaR+31aOT/5+pFM3bmNR\
    2ABuor6nrAGXqWmt3BWI1FrrS2yFElb2dMWLiIT2FSDw/P8KjlZ6bFR28QJAEFSlwP+jsvB2tqvf0Z62Civq7L/Be8U7jIJn3xsF\
    uNBOpXrVRescHZntIz65ZLOoB46tt/Evu8YRJKozCBWikA==";
/// The public key of `SMALL_PKCS8`.
pub(super) const SMALL_SPKI: &str = "\
    MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDC0LS+dbUv6x5LImZd/cOgQbGfRAMhQYgctMcXj16IXtFTwlcDmWQjBAqxFnbe\
    4pSrcxwvs26YqBVABk0f7ch40/J/Kfl7dJf5A743x6Kar9yfJA8tw84/fq0SEznT1tS5xwj+5gWFCeGUd59lhXKs2JGqDCsHt+jH\
    nvB/Z9Ju6wIDAQAB";
/// A public key of 8192 bits.
pub(super) const BIG_SPKI: &str = "\
    MIIEIjANBgkqhkiG9w0BAQEFAAOCBA8AMIIECgKCBAEAsqKWHqRgcL6v0ikWXc6kP0wJwWSr/4byyOXbjzuvKqaOkXFz8ig7vmYp\
    exanmiB7tAXNQ2h/+zIx0eFFpryvhMq3qS6x77xplABdrJPZ7jw/D8Ug2PTnnWaFEYWU0JOIuLzThLp4berULvR1/2npzHB9i8ov\
    eowM/JnMQYdHrmaL5TYNU4VZZsT9S/my80+aOpTFStLeD+J/oT0amWI9YXAgWWBVEQLv3LPPPLbIHJOSARhfvtftb+mI/WbgtWR4\
    kuYwelOPL9m9Izth2yxND6WFNdTE/0EifiGcaz7a5eEUO/RNZUErp8IkcdMFMQXZcMdhGPEy/fkb+p5SV237SZup6vN3s5I3oB4Y\
    f6w5Ef9BIRQJDOPPiaJL40mATrcjs4GqBfNgEKuDc8FpIGfVfOvu/GPyT+Koe6z3d6gNF6I7lFL7YGjDkXPAfcbHU++tW1yk7Uch\
    j3nirofY3WOVEC0BBLOlJReSWxkKMLXggSRO0FxBD9x9UCyFli+AdC5x2pZXY7HC+4GEOF1JYfmIxBhzRqIc5i/XSdR4A9bMnVOb\
    eTTGlDOYyDzMVWjXnrXH7neMEF4xNJb1rdLIrAoBCStCPbsvWmk02pM8Db3ljZZJcnFdVuaRA613TYYDmat2XgE4JDTv1yw7ps73\
    uFBzZSjMGuMQEd1cjklr7WWlVZNf6NmQNKvBLw4hjs/SEPZ4Rpj7LOKNE5mKLY3K8ZfbvrCVu3ABoUFMYiKjmhVVf3i3jhxgvBkk\
    D5V/bKWW//ZFQlSkL/n/MOtEeI97bV8v5BIo5L6HzMaoHLVRzOLLyeHN/ZZQaiJOxW6J4TZwKXtVboSLE5eLlrWUcYjZ+lJMdX36\
    abSX/POBjJEW6F4r1ACL2ZETRCMiQSSADLwO0Mbich9URhEMyonhb4cWZnkkwUoEbssBIvGG7xM7HGiG4vml4Ag1Rr+fTIymrWfS\
    l4f3czZSGKpB8Pz/yTN6KyOuZLdOszNX38lhHpRflVfsWi/12SO1xHdLjIikHSl0A5hmDfBQxKoI+QzHXHYMoAPqH/ktx8EErEZi\
    2yvu3U0133bZEp3I8iBxESsLOFhmSNY/qO5kArYw5N9FtwyROnpOTzlW8QY/T3Bsx0CwRZ9TGVoSelLrWvKPx3wDSjI5GaOqUIYi\
    f2GR/BC7lkwVr6sncEODkK1KcwF/Y921LQOUwBrKgx2zDaP8DavAEe4fglthHI3/CAJshj37DXN6JUJKKPaA79X7cPn70hIL6SeX\
    1sRegT4hRvLdrf5VoMcfjMtEC6WZc5xeOGJNsg078G5NZisLZ1s/uE/5YAs82H2NNXXth75L5TE5ZU/Z0TIaRIqj/PJleG5iKm/u\
    glpQ8n7x+QIDAQAB";
/// A public key of 8200 bits.
pub(super) const HUGE_SPKI: &str = "\
    MIIEIzANBgkqhkiG9w0BAQEFAAOCBBAAMIIECwKCBAIAwLtQObcVTKaRQUHkYYgt0yuQNWWZNKE7epo2hqEtl/PBAN4C+9LnTO+W\
    ErfdG3XUM7v2OBK4dt/mRZ5mre0RQgsvtIqzF7ayJQvWzLXVPKMFwJeDu5zjNVj/rbH0wIm36oWDX0YdEsVw3eNbntWiaJzhME/b\
    DJzNkUA9tUz8DFoVd1xhTN6s7pAUYU8uwUoZkmrbtzHx7mn9/0xQcuXrB5A0TtsBACiNtKKVFWIfXkIz2aPSKdZES/QwzCV180ow\
    ckxIrNHsgo5G0hyKZRAat/O5LyewCgz0RUu+X302e58yKUh9iuaGYnv/GXmrlCCFY2KtiNItzx3s0+N9ZIcfB0gGqfcSK3Wh4Aa1\
    bhJgAIpS9krGhnuvRrjPMGKyKfibMw6pPtXugGm38o+sxGN2XJQXEXCyQPCQaZ+EauWEWK+SqzGAUhLVfxGZU1vpcO0ZyJkyr1Vw\
    IWhE3mZxMZ6I8Ol5DL2YjYoYc3abiMotZ8MntOAFAXUCllCcg+fovquwf03EPxI3wgrFtPgR7uKKhqfK9MJk+uokQPdmGpXI849F\
    xqxXroCbW+jbaU5DfZPk8E2xotEkm2HRKxwPPLDhI7JuMn3ajZ+92bWE7qs4SXrK8N99HQimnzMIzHhEqW5lknlF/PB8EgWu78h5\
    2McSs29/wYAhtE6e1tUwNJ7g5nbLLHArGRP2T4oF97MmfqyMiTo/2mEBM2snthqzL4CWUta2PajlKfG5yAmp0EE/1vbOtlCbbjsY\
    RyVrQ5Ta2y29F1cbzAOwHWoRsBhiz3K07AJdG5CP990xXP8l9ZYA9VbX3Z3aye3EAkmP7f11P2NvQcUT9xvJCuNM+lIdgTHeWmYu\
    3kmeC/XBFLWnTrbfNLK0ELu6BBm0TpxR2RlrFvvFQdmriQ8notY0ZdfJDnPgDAHMWeIVQhCCAys7kqdWT/HcJT22dk56Fj9KJE49\
    60IVzjDY8LBPRLQ9E8BcDmxfegJGNCsnScIXCPzEdqzd3Ve9Iv51yI3P9fhL0o6uxQ4IwvzdQur35LED6CaD+Fk3ML/84mvSkm9m\
    Owz9md5U/HsNv8+LlwsXUlRGGQIbaB3JgVy2xAcFLanFQTS//zxJyYGl4yM6BFuLEr0evy1K75zgiV400rQHDQztPwKpTReQC21d\
    nMErxtHFYwhIjQAVlJOFMWS9P+ZU8ObJTK8Hk72jLYzYEVMVGX40r8rBUUlgIromQdmUC4kL9h9eo6goo7yweYf6Uf4CGdCSUjnt\
    E4DeSJGoF88LWpJkfKUySVuXD6wWwMpQqXmZwyglHswlTW8Nfd1Sdo11+t8MagbGKZnZQVuwouGWqEfi/TjSbHgQuocRfwoQqprh\
    5mo4GEqYCpkCAwEAAQ==";
/// A private key on the curve P-256, in PKCS#8.
pub(super) const CURVE_PKCS8: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgagzEe86KDTI0Kn90TbhTdBVhsEDG4fypUP+6mBk8w/6hRANCAASF\
    xNu6mEFluoUkpgFhLXxY9w2vSPNPMotMx30i8jwmvmIec/DtxUTOn1ouLvMvQSh396FoAibkH5rCN002qOjz";
/// The public key of `CURVE_PKCS8`.
pub(super) const CURVE_SPKI: &str = "\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhcTbuphBZbqFJKYBYS18WPcNr0jzTzKLTMd9IvI8Jr5iHnPw7cVEzp9aLi7zL0Eo\
    d/ehaAIm5B+awjdNNqjo8w==";
/// The signature of `MESSAGE` by `PKCS8`.
pub(super) const SIGNATURE: &str = "\
    lNdvf8ITI/zvv8j7YngzaRe3Yo4IWpbuGzlfUUsw85qkuw+2ECa1Zshz1MvwVRjw9/wmSyiMiIE0kOQ2iLqoEyGi6H+Uce+71NTA\
    C2vcHR9IEOIw7nifZVaVv3E3ODRn8glnUbROOemfM6NV3XSbjjZEWbolQStxVbHRGk+ise1+UEwkfFYSrQVDg8jc4rU/qVHaYUhc\
    zGOt32EQLV1VTKWyv35y+3bkTIUPqSDKW+3Wvhf8xjMyYtdwyjPO0LFhQ9ztgxYXtyZO+DXJViPRi8LBRYA+0aLcY6PRoDll7rJV\
    Ia4RcGEYcSegvxVauTtR2NMhtCjhpTpAVf3KhWwkTw==";
/// The signature of the empty message by `PKCS8`.
pub(super) const SIGNATURE_OF_EMPTY: &str = "\
    IcL00KUUJ7xUmfSkJXFGju+xGN8sOnQEAbBA6ie7v5fqX77ACgjCeumd27i2+IkVJ61acIa0waHKAHvr5te6Taz2n03Eer0EwHkG\
    RFz6mm1eLk6EgRpZjLHBQujibfIfPf2M/12MwkdobKZdyNZV34M4c8iMz/zWyI4E60WZmYymDFzUL8LUqtXHvkNel5YYTjHZN5rB\
    rssxuE4ozFtMWyXPexUB30ST6o+dsMJMQuWQZwC6iv4HmSr6YGQa+8XvMUeYFNAAH+mZ2qE1iiICIIEURRCCfo14sn+hpVBV5WvT\
    zRkJxBhHdFY/elFZskTdsZF8EsvAj+5lGkR4QO6EQw==";
/// The signature of `thousand_bytes()` by `PKCS8`.
pub(super) const SIGNATURE_OF_LONG: &str = "\
    LBYMIhrNsE6mjwH+tE8MXJzZ3HimFJjPKo6kZJ7VOJN00+jYJneYLdvOS4kamQMdIBemjWE/xgSA1jKudtJ2cayi7FLU/AD6IrXy\
    rVqYhMF1QyvyadQDqJoyys28B0Bdp5LBUzPkZYa64Y+rTRdU8SVPA4u5ltv2sN3NfJWl590ZDU8NjG2e0oXOFev7CgEZ2aj3unaV\
    cAa94iGgwEWO9N3KyGXKjx1e6K43lYqYZ9fLe0xZ1CzysgoYI404ZL021ytRnWNUkvfwTc2CxsO4YA96jzHXwkq60GZwpmcHF2MZ\
    TPXQmdVCxbe13yTd61qa445PoEh2D46ODGJuIsicDw==";
/// The signature of `MESSAGE` by `OTHER_PKCS8`.
pub(super) const OTHER_SIGNATURE: &str = "\
    a7owbKmrSdy1D+MWpmUy5IYsqp01pZg5BDCre3pSnVvaYXlxjXQJGYb2lQwlyDmSuslvM8MH9QEvwO4mlxLeS+vI19Pskub/oVz6\
    gTxuxRE+iHc3dmGknqBJYgdDDcHuXA51vwdecS45RkMsDIxsuReJHu2sR9WK3ZSYKcuusxdsS4TsXcqr6cewXWX8fazaGI/Ojg8O\
    dlxECGtsV91aXWK0E5oahe9vngeB6FZOiLc1ufc9dEVbUxfw9Gry0DKlkIQisO0brWTbvPcPtrlK3o3aMmfOSpY29FnMJpj7YTfF\
    fZFqmDks8jDa+79eb3HiU26k1/fmWSsc4lRnI80Qvw==";
/// The signature of `MESSAGE` by the key of 8192 bits.
pub(super) const BIG_SIGNATURE: &str = "\
    saVUctD4F5On3XPgpSRpkIybC5NOGUIZq7Nv+sHtFo9dxqGfNlA/nqdsU+MojeO0Et+gI1YMvtrpqzdwfSuEr0fS69a1TZJhUnfE\
    b6gDI9YqYKly3MAjJaGXkrrCn8slQ36i+2aTdgsJr+fpqDZbZdMWBl+kkYgV+qqBOsHE7ZYObmtAr82uWKFIU3XnICxXy9CFdBR3\
    tHPWqTxnvG+WRWR3QZ4cBSvZOIIJ1Gi4v2G6IpdPwKF4/LhYgloVnuSmnqOyMKsfoOMtoxOPT/nY15NNCArmTY1g0RrgaAXp2lr6\
    JtcwPlNrTLvaj0C83dMwhoDGOlj0C/Xc4VJxosUoGyjOwvepWYsfCzFCcXKd+s+ha/Z+bMk6nWJjPyP/g2Z/t3JTDVWv6UAZmJFX\
    ymd3B5Xe01eX4kzlyrIEYGQCta4rOamNdGkCoxC0ESaIPVYDp/0hV1xiPvjWAfQcmTsGAoGhLgdfGuKqZAUcQyN51P2BSIbGEjJD\
    lkZ5rjHHyNhxIlWIHS7V4UcsUmqVE55iYWw9ODCi9GXYX/B38F/eXlDE93n3iHN08eaJQSxQVqftV7JMlJzWgiyDLJ+OWAzEV4nc\
    1BOSTytF0XhKGULOXCUKdHCwZp6mY+rylKQYy5odvyCho6L+yh/JJ31uoGYn7sx10+RVMkBsNbGO1KmVHSaX08uDwMUAv27kI8wD\
    J039pqlNh0YofYkXjlXkT5LOy8DnuOPPosdtZjVWN18QVamERrMXelkGPjuAuvDJX+m3JfYTLrpIU7v4cyZC4d5uGG/a8yLkq1un\
    XstLOwSWCMmcQXwjqnwHPKUtkOm8Cs6Yh1rmsqJbZyxNsGCYQOzaEyeu3p0t6T1OeSGfwFex8Y6wf3ysT/lPQzS5XPs2/micWeiZ\
    lBLNffkYrQFtVUZceFLx9dPl/977MpgRakLUkRCo1UFvw9JH3zL7y3yBcxjACb2jd3kAF+xuiAUzzb94FtUGH8ecN263u1BplDoL\
    sqqGPmvlETKDaYIOr1xcJdKS61DSNEQzNqbvoGW/jVAEiRmrhl7QBEpd3FjXC7WPzWyo2CITq87TJTEw9nIUyTAB7Ri/ZLYBv8cS\
    vNISM6YE6dQ5ucOuJ7ZIlD2jZPSaqqB2v8v+qh/SzWXbiykEE+N8AoeXjw9VBdMg4D2zXtZ4zKEnXlU7EGXpwsuh6SQVbv9Q7Qww\
    JzgbyCBBi0NQnNMXSFFpjh5kWvsroMl40QmqpdbT9JH3g1DA/tQp27+BkgLTRuKtOm1xlRa+RlHc2HsrExiILW6tbkPg5EVbY3IO\
    g7+5VdOg11V4+ohC4WFUR8y8eLwcsLWoVNuOqKJ9OPpH8kCfoSXdSQUvObv/49p/ew==";
/// A signature of `MESSAGE` with SHA-1.
pub(super) const SIGNATURE_SHA1: &str = "\
    V6HxlPxLbZEVQ3FtBLot7XaS1GeCCuwI0KZvmxI0suC5+j6BnzkOBa84OzLNaIalF7F1R8kJAWkpuQloAZJt19Odi9OrnW0gV4x4\
    28ttKFtjdAAql7J8hO7//JuEG073pZ6rnXUZAp1p9Qa6VzwHJUCtcvwOIj9SHXRG4ekMVQYHfkMnKSf2T1a9FD0YTnADN98fTG5B\
    nSOqN4wQmqrcWuWgwZoQ6zV9le53boe9eG5ngS9JnT1UxHWVDZv9dZs1wARDp7L0C/eL7uVtFI4MQJ7+1LkTxGPxBtXEmeH86HR5\
    A9iRy23Z9Ar09OQwXrTub0Xft+cdGK6/orG2PENnHA==";
/// A signature of `MESSAGE` with RSASSA-PSS.
pub(super) const SIGNATURE_PSS: &str = "\
    UUiZ+HOpPLNrM1vFqyvKSUf1VFbM0WNm/KTARRy78Kd2mZTa7os5hIX9cGnsNqjdgTtu8g3gV7q6R8zVJpEmUVwNSCSdnbrKwLG8\
    oPMfIawLNOP/oQ7wEsizMev7A4Ao6OQ5BVeTYqIM+qiQDSq6gEx6JzopeUXpmhFvLjKlouCqwc/dmvgoaSXyONpu+MNkDmf8I8Bg\
    +/fLZdlPq3SPjGVMimZTAwewemNk1OZG/YrCF4vs3pKCRuVloodQzdM07psL1P0LYCVV3rqbs48WNz5rvbN+hURTOakLdHnmJmje\
    S2flgpUj0pSt9YdoAPSTyCafnSUfw1HwnzgkdW4z8A==";
/// A signature of the bare digest, without the `DigestInfo`.
pub(super) const SIGNATURE_WITHOUT_DIGEST_INFO: &str = "\
    Ka43AGWAp35SpUUImzSFro4bmgOU6+ZdDXMC+9j5wUDMORvlZMCdrccnFWoOHdTPUEt5cV+p2B52X1AUAyK2Vnx1JmxB4xZXBmRY\
    JkOU5Pza1YfuIt18DAP5gHoUenyYK2O3S+jZmh5tAXGCl23LKZ84Gc+T9BaCuS2WH6Uizu4rMSatncvfMIsuYBeoLiEmZeH5knYG\
    sBWZ4zY5vgqoHf0buSxIIcJkqRS65z8zAMsBUrca96bxcJnAoa+xtiw1ldZgh08YsjFOnxPzNKNtQYmKhNPsqhOna4xy8jxriPkO\
    /LtLrEBtV9rvsdAoczty5jm1ya0LcGFr1qQuPc2igg==";
/// A signature with short padding, and bytes after the digest.
pub(super) const SIGNATURE_WITH_TRAILING_BYTES: &str = "\
    ZO2QCXGT+NlgXjcJi01aJ+QBbZ8SCc8BCnn9lwf30/QL1fJspQi2Cu3Tr9T81d39Aes1PrpANdcbPzty1UeBLo1GClj1zgEMif9w\
    lHZUX+0FIlBPZq+TQ0ahfM3H1lkkuAgyE1Uk9uJAfpl+3W9GUrweVYyp1AzZT3zKeYaspQ4B/b4OoS/7McYeVTdyp26enye/EGTr\
    4xGBMjK5LG4pqHqQLqzXCuWp0oP4Kr1Yt3dyzHh79MCLcvdtxNMVl22eQLXf+ZaUXzN8RXTpmpWaIjHRXAFWCFV/4A3mzO/YIvn8\
    J+F/Oy5ogwI3th5nVA71AkxRIir9MetM5gHvUUGTKg==";
/// A signature padded with bytes other than 0xff.
pub(super) const SIGNATURE_WITH_WRONG_PADDING: &str = "\
    TClN29ukinYZ0tw2wQlIyT6MOn/+y2Qn76iGBtU4Nblx81bvN8sgF9KY7Xdu2sago9jyCJTtVqMg6X7ryXQFTiiDRyLOXHmrONcV\
    xwbUdNz4bfJciNvXsrFZFHLTu/XSOvdruaQgYGh1qNE3wZPCFWduMaec+ULZg20IDYbHtraXJze8wwilXbKEN26YM7BBSMTRHGUg\
    UxrC1kOcB6qdEu3RxYMM4SHN9l/STR0pyNt4dpOubZw/vNcL+JnepVlgyt1TwJHJnWWmTNd0PXQmfCRlMeNNpXA6+6UOddsvPcan\
    1l5NV+wfm7IwTecx8Dl+IA1DuFO0l/VeeRPBH7RI/g==";
/// The message of `SIGNATURE_ABOVE_MODULUS`.
pub(super) const MESSAGE_ABOVE_MODULUS: &str = "\
    UE9TVAovdjMvcGF5L3RyYW5zYWN0aW9ucy9uYXRpdmUKMTcwMDAwMDAwMAo1SzgyNjRJTFRLQ0gxNkNRCnsiZGVzY3JpcHRpb24i\
    OiLljYPotrPph5Hnro3mo5IiLCJhbW91bnQiOnsidG90YWwiOjF9fQow";
/// The signature of `MESSAGE_ABOVE_MODULUS` by `PKCS8`, with the modulus added.
pub(super) const SIGNATURE_ABOVE_MODULUS: &str = "\
    5w/L9dhrb4o2u30cCrYy+vpcjU7TupZ4myzByi60F+nKsrw04uk2cmrYsqZqgcfqmlKhNXmRR/d3gH5JxO6nJwbrFCa39BUHkzIh\
    b45hx43wUB7SL3Gjj4cDiBndYwl7IIep/zKp/Zzoh0vZpv+avkzUiUb+xBfQSIQvzisVCKc4IVbCAPSAmxmwYNPUNQp7HeH3+iy3\
    UV3GHywmz9E118sv2QoA15s0Pu4ESHG7nVaD2Mhysjymd8BBHlYP+rw6EODz9CKOaXeA6TY0dVSmDtGCsJThdAxZh+0E3+IslwrK\
    g9Vloh6KTesBxin+8T8nXsJDc3khBPHSEOf3AgfZfg==";
/// `SECRET`, sealed for `SPKI`.
pub(super) const SEALED: &str = "\
    G3EcHkWA/UGMqvds+N6G+/pyA4TXC2Fch2FsVwQPGAAT5ELNyphSPH1++pLUIprpd760sPH4PczwIvRo+2R73ZbrDmiHCS5LgVX0\
    dzCD6v2GNuDI8fuq7bdyJK+z7YpU1ylKrjHhYcQePa+4ZGBdEdcGEYF6bbIYfxDfWUiXC9EuRsVwd30hEbeGpQGHuhbwVjctL2oq\
    p70L93ehFATPkOLezBI6cRHe4iY2fAEC2uKLnDQFv1Wu0+94OWnfk9EYgEMF7wjgrN/sY6HAHDYXNZGCWRsJDgkDC8PV86MOOcs/\
    q73zEditKhMaL05itM4ty4WDYfLqVboW8qOV9dDOFA==";
/// The empty text, sealed for `SPKI`.
pub(super) const SEALED_EMPTY: &str = "\
    M66m4OzsQcckvk/A/AVOdNGJzuu84WJbd8fw2Or3kMrCGFrWycCtfvRKLQdEjkyrXgPYrFXMjD/swJC15xPW8dS1aRzdLAgzjJWu\
    iEwaGhzeP5rI8Yafqsz+2/K5MkDipYgWuuT5Cgkx3NokoP28RrkXkw9zIFvenqM7KvM5VgUL+9dSPx0Qjb3LkCGA1ZuZVG7IUo1p\
    QsE1J6wYkO3TAa6ef/OwMAtbGcQV+I3fD0sFid62Yq2iZDg5KSDhy5A0nmZpde8vqwEJw/0UycPtr4EgBbpoXR0+q5ovb+QzfjfG\
    9ljMXM6RUPpVZlXD/ObSAWocwzn01y50WvI2qFihZw==";
/// The first 214 bytes of `thousand_bytes()`, sealed for `SPKI`.
pub(super) const SEALED_LONG: &str = "\
    ISx2+KYuokQ66PsH8XtIuIfK74X0NsEs61g2T0Z5r/yVibUQKl/uTOuvMIpBPm7EbN/MaSTVCMi8wGaoUWOb4+k0HM1W3aIt2VxU\
    hsX4t5DBlqGEIBiS/HjHUObeb2XU0Qj0hdV1B3E4coy3UQkwWGUnCFedE+X623UCwXudsnCYIUg+2v0jCtkogjd3UVntHjq9Hxvx\
    DOG5uzgxZkp2ND1JDHQVVKhVo8J9ZxOdAu1srySgWq+w/ccGhmeyR4UFXimkzBAEzJDhBg6qMVOVCh3CnOiItg7il4H/PcEB4Ggi\
    O8OFInerSolVe3KQ4CgFivk2kji3vDn5CNAl+z9j7g==";
/// `SECRET`, sealed for the key of `OTHER_PKCS8`.
pub(super) const SEALED_TO_OTHER: &str = "\
    ULAOUO5Laa7mlN4EBMXUqwlizDvbaYiwd9BPd2whz6H1/0YV42WIXrCauZWFVeOD8XJomQfhQLCx8XCK33brEY7Jg1r8CtK+Oe0n\
    ew5ZDI4y64UcPxTV5aAKvahCmbt0Mv2zrT29pxzcDNlRQFDPtc4jLshAOANhKVJIQMdZEhHcunS8Dxu4e5HDHJgn3rYFM/VFMA7y\
    LVankuDpz+RT4zDKYQugAfW/qmvUt1No0nDIWD+BngQcUzOKnO/A+BzkWusGMbgSaPLeM/hS+Fj7xBMhMCLkQMweHuRtj0ECL8fS\
    xSK68I7vxVLAhqwi1tRNz5pOl9m3Z1TkuskX6PwHvA==";
/// `SECRET`, sealed with OAEP over SHA-256.
pub(super) const SEALED_SHA256: &str = "\
    RuWrnusArsRoi19+IlzRwSQ3TZ/22UhcFJPM3o8CchLi4H9bqj6TktqqnoVCIe6dD5875yaXxewx/hQJMqO1P6fALxkU1Xlu7nVz\
    mjrwFxgqH/8XJj51mH7UC8FJ0r+EJ7NiM/8bHD2Jo6kY9Pr7mLv3f6ewXHp+iYf19FRvHFb9vd7gHs0RgknIJGHTsYu4iIm8h9Uq\
    7Ltwg1KsFqSvjmCvDOt0wajkjygutKgm3oRIBZ9SQzhl3vd2wtM8/ezIGmrnJBUomfEnkJ5mwYSfxPt8Xyxl9+aeQHR35IvQt5ys\
    QapdOYhGduWjMtvezZhhTgEwMBB0EWtlTh16JKgxUQ==";
/// `SECRET`, sealed with an OAEP label.
pub(super) const SEALED_LABEL: &str = "\
    Gwit4uGCsRkc0tH7mdECSeah/zeYyEQviLV5aD9Qb7/5sOWMmWsUxD6bc2sUTFKhFsQlmExLELl04aZdVWd5LrDqyRZ4YB1fTYfI\
    JN31sld0goXWOQnLvKOGnNhenk1UeDasP3DH/JWgJbEPLCkJb7MwPaV7ZJTYZLeEhTUaGLBRIO5YfeGH8Zc0kReK90ErnSYCGmL2\
    s27U54Pb0SRhsy1rrp1LF5/VEvcsKw83ezCI9boB0KiLvnjNi6kFgywq3q/wLhbElUiKkNHwiSQ+aWbXyoYwLGF7q8MF/wIW/VGi\
    lB6o9RiyI51RUExZdZDpSK1q5J7FnZfbN7DkgyaSkw==";
/// `SECRET`, encrypted with RSAES-PKCS1-v1_5.
pub(super) const SEALED_PKCS1: &str = "\
    a72/AQ5wfTkrpgm89Q7Y64H0/nPGWCTLp05/5TyZTo1nqNQQvuZXdan8LGXJhXssYMXMNOp0S+YVurjEZz9Sygoxd7Hphs7Q97eW\
    x8DngJZ+/Rt3+hNbOMRn8C3HG+qQLQnVw3oMOELBba7Vog7WkumvizTk8aLK4Dw0AjGHxjJIhiplGXLKhT+AkthO79eMTcmMkCPc\
    CCfVVd+mgGkxfAVrtslOxiSbq1w9Nbhmm6OPp3xiO81Uqx71bmCtDqo/hyh34eYyeJxgavVDyOwqWJNV8owIQgaZYgKMsLXnODq6\
    TC4EWaTmJivfD1uGQCwX9QQr4XlipZ1vaMTfdLWxzA==";
/// The AES-GCM ciphertext of `MESSAGE`, with the associated data `certificate`.
pub(super) const AEAD_CIPHERTEXT: &str = "\
    F9X7aTIA3MAU7QsP/DWuAV4bjWS0Q2AWtaJzaBe4exZkwGixqalqVeRm6ebUYi/xTQAHtMQDqApLKNct5PGWAXurzM5A9MSVOlMf\
    RaRV359ex92QRNgI6ohxNrHmu1xwAnadC64HD1chgzMqAi6DpsDz5XHCs7C3afkAthXPMc5bt318";
/// The AES-GCM ciphertext of the empty text, without associated data.
pub(super) const AEAD_CIPHERTEXT_OF_EMPTY: &str = "\
    Sq7Auhq2zr1hBS647Mp2Ag==";
/// The AES-GCM ciphertext of `thousand_bytes()`, without associated data.
pub(super) const AEAD_CIPHERTEXT_OF_LONG: &str = "\
    R52mKCQMgMIDoiw7hxq+CUAfkoJMuZXZbiKrtKca36qOFrF0ZZpQdMxJ/8HVElWKK2MQnfw7kcPykQLhSiEG3N4fYWn1Z1oNrcI7\
    cpKrcDWGRlA8jxq1JW34415AHOyIz75G0Gbm//3bKLqzl7mjleGZhl5KX4bOsMpIwVd1MpYPKPwpNocSMGf/Qn4zmAPq7vbQ+sfy\
    cw7o0b1/icJDNBfpY/z5Z1tEeNhAtXV6gvoZDU2PCCJ8WSqhW7tqUqdLev4uAQwRqGu9vn7vpOw11dAIGh2n0QCMyad9Khd/5KOG\
    yn8mK8CAeKfia1aIHyc56m4jqjar5KXEIU8QNX68YxdYOFLWYm2Q6EF3zvTNNPE4coDx2ufh9IyGSzZXuuad4zDhs6XdSe8yZg38\
    Vxm11m30UgqLJH+Yl5FsxPe44NHcdLEPvKaZrW4WP02tGMQCQSJLKTidpoxIaqzbicuvu5buQ3t6LkYnlnv08gZC7GIx6cDYwZz1\
    XUyVdGIZhsviaJDW48HpTHpmZh2qB2d1SCdgydvdpyEr1RC9DTv/4Co476YFR10gJEjhAYk60XG596KE54fLFUQHg9b3hiaAwszv\
    lm7QOkR2vbS0W7qyRSHtvM3uyXuUCx8BOMCbf2YYr3Ydc0+z849Rvnk+1Ic0i9f5dJrL//h57g+5u5nmv+DzVdWtZxsYitEax57F\
    jieYuBYA+VBVbs28MRsKDCdQW6U5STzZqwIu/fhbyRNFQ2ZPAhEi3nF8nor2lL8kzJ7EgGn9/FkikIUi70kD3Q+rPDeoVR+Ctp+3\
    pD8EcVEdI2HLhNuurSVwPe9tWVCSHTbSbWL1DnP9QW4s1wM01gZNfPIEuQAEWs4WeFgWy475ceI+TCWZTqZrr4u5pcqKPj+NgO9+\
    a28ETo/K+WfmfSJSeWVpl4LTHNGq3E+bEl11vwZ/lMVTcpinyEOKa5GPRmbGPtEyKFX9HYQx+gtwJKpNzr8Aci8O7wnnB5v/WLSW\
    5o/irCXXQRmdkx8jYlsMrercxzT/Tz9pbgxX6nZP/yKVvvYGkc9N8HgL3bblkG6JqIWHf1sz32QBfiTfwPYgCi6MrCuG9XthFJzA\
    pPBscj/xIaVCdE7YknmrJiP1UjYJcMhX0RIRIsYa8u2JEMrMfL+EzAFY2wJIf/SlRKelfU6Wk7zGchOAXeZvo/WkC8vFLPeEsBjw\
    t8wFodNl6OPYxYySNM6Bub8K8Yiy+2WpQDaeTFdWkD+hFRvryaiXVV19INuOIeHqwMEe1lbZOeQB4QuYIXTdrUkWwPUT0nvWhjo6\
    YbbwcqmPlMY5Z1quPRE9ulrirlJ5E8/zz6GwF/FrW2U59cINs17fzYM=";
/// The AES-GCM ciphertexts of `SECRET`, with the associated data `certificate`, by nonces of 8, 16 and 72 bytes.
pub(super) const AEAD_CIPHERTEXTS_BY_NONCE: [(&str, &str); 3] = [
    ("593bec0c", "qGz43IpSR2hcy/bOw/fUMyv8t7KOPLCdim197TtQCSvabQ=="),
    ("593bec0c930bf1af", "Dr5KacWmB3ip0rLTyghUbdsY1g27qsTZ8EuT3ZTM50BfKg=="),
    (
        "593bec0c930bf1afeb40b4a08c8fb242593bec0c930bf1afeb40b4a08c8fb242593bec0c",
        "xxyGUD00e6UZjErShqHMyVYF3wqjS4ltuT00XrAf+ZM6Gw==",
    ),
];
